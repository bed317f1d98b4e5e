//! Who is next, when threads are to do their steps one after the other in an order that the case says.

use std::sync::{Barrier, Condvar, Mutex, MutexGuard, PoisonError};

/// The turns of some threads.
pub(crate) struct Turns<'a> {
    /// Which of those that have not ended does its next step, step for step; then they go round.
    schedule: &'a [u8],
    state: Mutex<State>,
    /// One for each thread.
    wake: Vec<Condvar>,
    /// Only so that all begin together, when they need not take turns.
    start: Option<Barrier>,
}

struct State {
    step: usize,
    current: usize,
    active: Vec<bool>,
}

/// A thread's place; it is given up when dropped, also by a panic.
pub(crate) struct Seat<'a> {
    turns: &'a Turns<'a>,
    me: usize,
}

impl<'a> Turns<'a> {
    /// For so many threads: one at a time, or all at once.
    pub(crate) fn new(threads: usize, schedule: &'a [u8], one_at_a_time: bool) -> Self {
        let mut state = State { step: 0, current: 0, active: vec![true; threads] };
        state.advance(schedule);
        let start = (!one_at_a_time).then(|| Barrier::new(threads));
        Self { schedule, state: Mutex::new(state), wake: (0..threads).map(|_| Condvar::new()).collect(), start }
    }

    pub(crate) fn one_at_a_time(&self) -> bool {
        self.start.is_none()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for the first turn of this thread.
    pub(crate) fn sit(&'a self, me: usize) -> Seat<'a> {
        match &self.start {
            Some(start) => drop(start.wait()),
            None => self.wait(self.state(), me),
        }
        Seat { turns: self, me }
    }

    fn wait(&self, mut state: MutexGuard<'_, State>, me: usize) {
        while state.current != me {
            state = self.wake[me].wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

impl State {
    /// Says whose turn is next, if anybody is left.
    fn advance(&mut self, schedule: &[u8]) {
        let left: Vec<usize> = (0..self.active.len()).filter(|thread| self.active[*thread]).collect();
        let choice = schedule.get(self.step).map_or(self.step, |choice| usize::from(*choice));
        self.step += 1;
        if let Some(last) = left.len().checked_sub(1) {
            self.current = left[choice % (last + 1)];
        }
    }
}

impl Seat<'_> {
    /// Lets others do their steps.
    pub(crate) fn pass(&self, step: usize) {
        if !self.turns.one_at_a_time() {
            // A little noise, so that the threads are not always in step.
            let noise = self.turns.schedule.get((step * 7 + self.me) % self.turns.schedule.len().max(1));
            match noise.copied().unwrap_or(0) {
                n @ ..192 => (0..n).for_each(|_| std::hint::spin_loop()),
                _ => std::thread::yield_now(),
            }
            return;
        }
        let mut state = self.turns.state();
        state.advance(self.turns.schedule);
        if state.current != self.me {
            self.turns.wake[state.current].notify_one();
            self.turns.wait(state, self.me);
        }
    }
}

impl Drop for Seat<'_> {
    fn drop(&mut self) {
        let mut state = self.turns.state();
        state.active[self.me] = false;
        state.advance(self.turns.schedule);
        self.turns.wake[state.current].notify_one();
    }
}
