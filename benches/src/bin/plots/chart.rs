//! A chart with a few lines over the number of ranges, both axes logarithmic.

use plotters::coord::ranged1d::{KeyPointHint, Ranged};
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};
use std::error::Error;
use std::ops::Range;
use std::path::Path;

const SIZE: (i32, i32) = (900, 520);
/// Room for the names on the right.
const NAMES: i32 = 230;
const LINE_HEIGHT: i32 = 19;

// Mid-tones on a transparent background, for light pages and for dark ones.
const TEXT: RGBColor = RGBColor(128, 128, 128);
const OURS: RGBColor = RGBColor(56, 139, 221);
const PEERS: [RGBColor; 8] = [
    RGBColor(214, 92, 72),
    RGBColor(205, 140, 40),
    RGBColor(42, 157, 92),
    RGBColor(164, 110, 214),
    RGBColor(0, 150, 160),
    RGBColor(200, 90, 150),
    RGBColor(130, 140, 60),
    RGBColor(140, 110, 90),
];

/// One line of a chart, named at its right end.
pub(crate) struct Line {
    pub(crate) name: &'static str,
    pub(crate) points: Vec<(f64, f64)>,
    pub(crate) whose: Whose,
    pub(crate) is_dashed: bool,
}

/// Whose line it is, which the colour shows.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Whose {
    Ours,
    /// The peer with this number.
    Peer(usize),
}

impl Whose {
    fn colour(self) -> RGBColor {
        match self {
            Self::Ours => OURS,
            Self::Peer(number) => PEERS[number % PEERS.len()],
        }
    }
}

/// A chart.
pub(crate) struct Chart {
    pub(crate) title: &'static str,
    /// What the vertical axis counts.
    pub(crate) value: &'static str,
    pub(crate) lines: Vec<Line>,
}

/// A logarithmic axis with a label at every power of ten, and between them if there are few.
struct Decades(Range<f64>);

impl Ranged for Decades {
    type FormatOption = plotters::coord::ranged1d::DefaultFormatting;
    type ValueType = f64;

    fn map(&self, value: &f64, limit: (i32, i32)) -> i32 {
        let part = (value / self.0.start).ln() / (self.0.end / self.0.start).ln();
        limit.0 + (f64::from(limit.1 - limit.0) * part).round() as i32
    }

    fn key_points<Hint: KeyPointHint>(&self, _: Hint) -> Vec<f64> {
        let decades = self.0.start.log10().floor() as i32..=self.0.end.log10().floor() as i32;
        let steps: &[f64] = if self.0.end / self.0.start < 2e3 { &[1.0, 2.0, 5.0] } else { &[1.0] };
        let points = decades.flat_map(|decade| steps.iter().map(move |step| step * 10_f64.powi(decade)));
        points.filter(|point| self.0.contains(point)).collect()
    }

    fn range(&self) -> Range<f64> {
        self.0.clone()
    }
}

impl Chart {
    pub(crate) fn write(&self, file: &Path) -> Result<(), Box<dyn Error>> {
        let picture = SVGBackend::new(file, (SIZE.0 as u32, SIZE.1 as u32)).into_drawing_area();
        let style = |size: u32| ("sans-serif", size).into_font().color(&TEXT);
        let area = picture.titled(self.title, style(18))?.margin(0, 0, 0, NAMES as u32);
        let mut chart = ChartBuilder::on(&area)
            .margin(10)
            .x_label_area_size(42)
            .y_label_area_size(58)
            .build_cartesian_2d(Decades(80.0..1.25e6), Decades(self.range()))?;
        chart
            .configure_mesh()
            .axis_style(TEXT)
            .bold_line_style(TEXT.mix(0.25))
            .light_line_style(TRANSPARENT)
            .label_style(style(14))
            .axis_desc_style(style(14))
            .x_desc("ranges in the map")
            .y_desc(self.value)
            .x_label_formatter(&label)
            .y_label_formatter(&label)
            .draw()?;

        let mut names = Vec::new();
        for line in &self.lines {
            let colour = line.whose.colour();
            let style = ShapeStyle {
                color: colour.to_rgba(),
                filled: false,
                stroke_width: if line.whose == Whose::Ours { 3 } else { 2 },
            };
            let points = line.points.iter().copied();
            if line.is_dashed {
                chart.draw_series(DashedLineSeries::new(points.clone(), 7, 4, style))?;
            } else {
                chart.draw_series(LineSeries::new(points.clone(), style))?;
            }
            chart.draw_series(points.map(|point| Circle::new(point, 4, colour.filled())))?;
            if let Some(end) = line.points.last() {
                names.push((chart.backend_coord(end), line.name, colour));
            }
        }

        // From top to bottom, not over one another.
        names.sort_by_key(|name| name.0.1);
        let mut free = 0;
        for index in 0..names.len() {
            let below = (names.len() - index) as i32 * LINE_HEIGHT;
            let ((x, y), name, colour) = names[index];
            let at = y.max(free).min(SIZE.1 - below);
            free = at + LINE_HEIGHT;
            let centre = Pos::new(HPos::Left, VPos::Center);
            picture.draw(&PathElement::new([(x + 6, y), (x + 24, at)], colour.mix(0.6)))?;
            picture.draw(&Text::new(name, (x + 28, at), ("sans-serif", 14).into_font().color(&colour).pos(centre)))?;
        }
        picture.present()?;
        Ok(())
    }

    /// From somewhat below all values to somewhat above.
    fn range(&self) -> Range<f64> {
        let values = || self.lines.iter().flat_map(|line| &line.points).map(|point| point.1);
        values().fold(f64::INFINITY, f64::min) / 1.6..values().fold(0.0, f64::max) * 1.6
    }
}

/// A number with commas.
fn label(number: &f64) -> String {
    if *number < 1.0 {
        return format!("{number}");
    }
    let digits = format!("{number:.0}");
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index) % 3 == 0 {
            text.push(',');
        }
        text.push(digit);
    }
    text
}
