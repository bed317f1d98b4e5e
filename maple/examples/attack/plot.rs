//! The picture of memory over time.

use crate::memory::{Form, Sample, Series};
use plotters::coord::Shift;
use plotters::prelude::*;
use std::error::Error;
use std::path::Path;

type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;

const SIZE: (u32, u32) = (1000, 700);

// Mid-tones on a transparent background, for light pages and for dark ones.
const TEXT: RGBColor = RGBColor(128, 128, 128);

fn colour(form: Form) -> RGBColor {
    match form {
        Form::Teardown => RGBColor(214, 92, 72),
        Form::PathCopy => RGBColor(56, 139, 221),
        Form::InPlace => RGBColor(42, 157, 92),
        Form::Alone => RGBColor(164, 110, 214),
    }
}

/// Draws live bytes above and nodes below, without readers on the left and with readers on the right.
pub(crate) fn write(file: &Path, count: u32, series: &[Series]) -> Result<(), Box<dyn Error>> {
    let picture = SVGBackend::new(file, SIZE).into_drawing_area();
    let title = format!("A copy of {count} entries fails half-way: what is held for it, over time");
    let picture = picture.titled(&title, ("sans-serif", 18).into_font().color(&TEXT))?;
    let [bytes_alone, bytes, nodes_alone, nodes] = &picture.split_evenly((2, 2))[..] else { return Ok(()) };
    let mebibytes = |sample: &Sample| sample.bytes as f64 / f64::from(1 << 20);
    let thousands = |sample: &Sample| sample.nodes as f64 / 1e3;
    for (readers, upper, lower) in [(false, bytes_alone, nodes_alone), (true, bytes, nodes)] {
        let shown: Vec<&Series> = series.iter().filter(|series| series.readers == readers).collect();
        let beside = if readers { "with two readers" } else { "without readers" };
        chart(upper, &shown, &format!("live memory in MiB, {beside}"), mebibytes)?;
        chart(lower, &shown, &format!("nodes in use in thousands, {beside}"), thousands)?;
    }
    picture.present()?;
    Ok(())
}

fn chart(area: &Area<'_>, shown: &[&Series], caption: &str, value: impl Fn(&Sample) -> f64) -> Result<(), Box<dyn Error>> {
    let mut points: Vec<Vec<(f64, f64)>> = Vec::new();
    for series in shown {
        points.push(series.samples.iter().map(|sample| (series.milliseconds(sample), value(sample))).collect());
    }
    let all = || points.iter().flatten();
    let end = all().map(|point| point.0).fold(1.0, f64::max);
    // With room for the names above the lines.
    let top = all().map(|point| point.1).fold(1.0, f64::max) * 1.4;
    let style = |size: u32| ("sans-serif", size).into_font().color(&TEXT);
    let mut chart = ChartBuilder::on(area)
        .caption(caption, style(14))
        .margin(10)
        .x_label_area_size(35)
        .y_label_area_size(45)
        .build_cartesian_2d(-2.0..end, 0.0..top)?;
    chart
        .configure_mesh()
        .disable_x_mesh()
        .axis_style(TEXT)
        .bold_line_style(TEXT.mix(0.25))
        .light_line_style(TRANSPARENT)
        .label_style(style(12))
        .x_labels(6)
        .y_labels(6)
        .x_label_formatter(&|number| format!("{number:.0}"))
        .y_label_formatter(&|number| format!("{number:.0}"))
        .x_desc("milliseconds since the failure")
        .draw()?;
    // Broad lines below narrow ones, because the prunes take much the same course.
    for ((series, points), stroke_width) in shown.iter().zip(&points).zip([2, 7, 4, 2]) {
        let mut points = thinned(points, top / 400.0);
        // What is held in the end is held on.
        points.extend(points.last().map(|last| (end, last.1)));
        let line = ShapeStyle { color: colour(series.form).to_rgba(), filled: false, stroke_width };
        chart
            .draw_series(LineSeries::new(points, line))?
            .label(series.form.name())
            .legend(move |(x, y)| PathElement::new([(x, y), (x + 18, y)], line));
    }
    chart
        .configure_series_labels()
        .position(SeriesLabelPosition::UpperRight)
        .border_style(TRANSPARENT)
        .label_font(style(12))
        .draw()?;
    Ok(())
}

/// The points that make the line: of a run with nearly the same value only the first and the last.
fn thinned(points: &[(f64, f64)], step: f64) -> Vec<(f64, f64)> {
    let mut kept: Vec<(f64, f64)> = Vec::new();
    let mut skipped = None;
    for &point in points {
        if kept.last().is_some_and(|last| (last.1 - point.1).abs() < step) {
            skipped = Some(point);
            continue;
        }
        kept.extend(skipped.take());
        kept.push(point);
    }
    kept.extend(skipped);
    kept
}
