//! Clocks. Time in which other programs have the processor does not count where that can be told: on a busy machine it is most of it.

use core::hint::black_box;
use cpu_time::ThreadTime;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

/// What reading the clock twice in succession takes, which single events are timed with.
fn reading() -> Duration {
    static READING: OnceLock<Duration> = OnceLock::new();
    *READING.get_or_init(|| {
        let mut times: Vec<Duration> = (0..10_001).map(|_| Instant::now().elapsed()).collect();
        times.sort_unstable();
        times[times.len() / 2]
    })
}

/// Events of one kind that are timed one by one.
#[derive(Debug, Default)]
pub(crate) struct Events {
    /// Whether they take so long that another program may get in between, and that a system call more makes no difference.
    are_long: bool,
}

impl Events {
    const LONG: Duration = Duration::from_micros(20);

    /// Times `work` alone: neither the making of what it takes nor the drop of what it returns.
    pub(crate) fn time<I, O>(&mut self, iterations: u64, mut input: impl FnMut() -> I, mut work: impl FnMut(I) -> O) -> Duration {
        let reading = reading();
        let mut total = Duration::ZERO;
        for _ in 0..iterations {
            let input = input();
            let of_thread = self.are_long.then(ThreadTime::now);
            let start = Instant::now();
            let output = timed(|| black_box(work(black_box(input))));
            let time = start.elapsed().saturating_sub(reading);
            let of_thread = of_thread.map(|start| start.elapsed());
            total += of_thread.map_or(time, |of_thread| of_thread.min(time));
            self.are_long = time > Self::LONG;
            drop(output);
        }
        total
    }
}

/// Times all calls of `work` at once, by the time that this thread has the processor.
pub(crate) fn together(iterations: u64, work: impl FnMut()) -> Duration {
    let start = ThreadTime::now();
    timed(|| repeat(iterations, work));
    start.elapsed()
}

/// The same with the time in which this thread waits for others.
pub(crate) fn together_with_waiting(iterations: u64, work: impl FnMut()) -> Duration {
    let start = Instant::now();
    timed(|| repeat(iterations, work));
    start.elapsed()
}

/// What is timed. With the feature `callgrind` a function with a name, so that what happens in it can be counted; else nothing that would
/// change the code around it.
#[cfg_attr(feature = "callgrind", inline(never))]
#[cfg_attr(not(feature = "callgrind"), inline(always))]
fn timed<T>(work: impl FnOnce() -> T) -> T {
    work()
}

#[inline(always)]
fn repeat(iterations: u64, mut work: impl FnMut()) {
    for _ in 0..iterations {
        work();
    }
}
