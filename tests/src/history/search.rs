//! Linearizability by trying: is there an order of all calls, in which each that ended before another began comes first, and every answer is
//! right?
//!
//! After J. M. Wing and C. Gong, "Testing and Verifying Concurrent Objects", Journal of Parallel and Distributed Computing 17 (1993), with the
//! states that were tried in vain remembered, as G. Lowe proposed. It knows nothing of turns, versions or unique values, and takes exponential time.
//!
//! Of the gap that a look-up beside writers returns it only takes that the index is free; changes that work piece by piece are as if they did not.

use super::clock::Time;
use super::event::{Answer, Change, Form, History, Id, Item, Look, Seen};
use std::collections::HashSet;

/// The most calls that it takes.
pub const MOST: usize = 64;

/// Whether the changes must stay in the order in which they are written down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// They must.
    OfTurns,
    /// They may have any that fits their times.
    Any,
}

/// Whether there is an order of all calls in which the answers are right. Walks are not calls of this kind, and not looked at.
///
/// Panics if there are more than [`MOST`].
pub fn is_linearizable(history: &History, order: Order) -> bool {
    let changes = history.changes.iter().map(|changed| Call {
        begin: changed.begin,
        end: changed.end,
        what: What::Change(&changed.change, &changed.answer),
    });
    let looks = history.looks.iter().map(|look| Call { begin: look.begin, end: look.end, what: What::Look(look) });
    let calls: Vec<_> = changes.chain(looks).collect();
    assert!(calls.len() <= MOST, "too many calls to try all orders");
    let ordered = if order == Order::OfTurns { history.changes.len() } else { 0 };
    let mut search = Search { calls, ordered, after: history.after.as_deref(), tried: HashSet::new() };
    let state = history.before.clone();
    search.go_on(0, &state)
}

struct Call<'h> {
    begin: Time,
    end: Time,
    what: What<'h>,
}

enum What<'h> {
    Change(&'h Change, &'h Answer),
    Look(&'h Look),
}

struct Search<'h> {
    calls: Vec<Call<'h>>,
    /// So many calls at the beginning keep their order.
    ordered: usize,
    after: Option<&'h [Item]>,
    tried: HashSet<(u64, Vec<Item>)>,
}

impl Search<'_> {
    /// Whether the calls that are not `done` can follow.
    fn go_on(&mut self, done: u64, state: &[Item]) -> bool {
        let open = |call: &usize| done & 1 << call == 0;
        let Some(first_end) = (0..self.calls.len()).filter(open).map(|call| self.calls[call].end).min() else {
            return self.after.is_none_or(|after| after == state);
        };
        if !self.tried.insert((done, state.to_vec())) {
            return false;
        }
        let mut met_change = false;
        for call in (0..self.calls.len()).filter(open) {
            let in_turn = call >= self.ordered || !met_change;
            met_change |= call < self.ordered;
            if !in_turn || self.calls[call].begin > first_end {
                continue;
            }
            let next = match self.calls[call].what {
                What::Look(look) => saw(state, look).then(|| state.to_vec()),
                What::Change(change, answer) => apply(state, change, answer),
            };
            if next.is_some_and(|next| self.go_on(done | 1 << call, &next)) {
                return true;
            }
        }
        false
    }
}

fn at(state: &[Item], index: u64) -> Option<Item> {
    state.iter().find(|item| item.first <= index && index <= item.last).copied()
}

fn saw(state: &[Item], look: &Look) -> bool {
    let item = at(state, look.index);
    match look.seen {
        Seen::Value(id) => item.map(|item| item.id) == id,
        Seen::Covered(covered) => item.is_some() == covered,
        Seen::Range(_, _, None) => item.is_none(),
        Seen::Range(first, last, Some(id)) => item == Some(Item { first, last, id }),
    }
}

fn gap(state: &[Item], index: u64) -> (u64, u64) {
    let first = state.iter().filter(|item| item.last < index).map(|item| item.last + 1).max();
    let last = state.iter().filter(|item| item.first > index).map(|item| item.first - 1).min();
    (first.unwrap_or(0), last.unwrap_or(u64::MAX))
}

/// What is left of `state` outside of a range, with `id` in it if there is one.
fn overwritten(state: &[Item], first: u64, last: u64, id: Option<Id>) -> Vec<Item> {
    let mut next = Vec::new();
    for item in state {
        if item.first < first {
            next.push(Item { last: item.last.min(first - 1), ..*item });
        }
        if item.last > last {
            next.push(Item { first: item.first.max(last + 1), ..*item });
        }
    }
    next.extend(id.map(|id| Item { first, last, id }));
    next.sort_unstable_by_key(|item| item.first);
    next
}

fn without(state: &[Item], gone: impl Fn(&Item) -> bool) -> Vec<Item> {
    state.iter().filter(|item| !gone(item)).copied().collect()
}

/// The state after a change, if the answer is what the change returns in this state.
fn apply(state: &[Item], change: &Change, answer: &Answer) -> Option<Vec<Item>> {
    let form = |next: &[Item]| match answer {
        Answer::Pruned(Form::Nothing) => next == state,
        Answer::Pruned(_) => next != state,
        _ => false,
    };
    let done = *answer == Answer::Done;
    let unchanged = || state.to_vec();
    match *change {
        Change::Store(item) => done.then(|| overwritten(state, item.first, item.last, Some(item.id))),
        Change::Insert(new) => match state.iter().find(|item| item.last >= new.first && item.first <= new.last) {
            Some(item) => (*answer == Answer::Occupied(item.first, item.last)).then(unchanged),
            None => done.then(|| overwritten(state, new.first, new.last, Some(new.id))),
        },
        Change::Replace(index, id) => match at(state, index) {
            Some(item) => (*answer == Answer::Took(Some(item))).then(|| overwritten(state, item.first, item.last, Some(id))),
            None => {
                let (first, last) = gap(state, index);
                (*answer == Answer::Vacant(first, last)).then(unchanged)
            }
        },
        Change::Erase(index) => {
            let item = at(state, index);
            (*answer == Answer::Took(item)).then(|| without(state, |other| Some(*other) == item))
        }
        Change::Remove(first, last) => done.then(|| overwritten(state, first, last, None)),
        Change::RemoveWhole(first, last) => done.then(|| without(state, |item| first <= item.first && item.last <= last)),
        Change::Prune(from) | Change::PruneInPlace(from) => {
            Some(without(state, |item| item.first >= from)).filter(|next| form(next))
        }
        Change::PruneCut(from) => {
            let cut = at(state, from).filter(|item| item.first < from);
            match (answer, cut) {
                (Answer::WouldCut(first, last), Some(item)) => ((item.first, item.last) == (*first, *last)).then(unchanged),
                _ => Some(overwritten(state, from, u64::MAX, None)).filter(|next| form(next)),
            }
        }
        Change::Retain(by, rest) => done.then(|| without(state, |item| item.id % by == rest)),
        Change::Clear => done.then(Vec::new),
        Change::Compact => done.then(unchanged),
        Change::Get(index) => {
            let (first, last, id) = at(state, index).map_or_else(
                || {
                    let (first, last) = gap(state, index);
                    (first, last, None)
                },
                |item| (item.first, item.last, Some(item.id)),
            );
            (*answer == Answer::Found(first, last, id)).then(unchanged)
        }
        Change::Walk | Change::Copy(None) => matches!(answer, Answer::Entries(items) if items == state).then(unchanged),
        Change::Copy(Some(count)) => match answer {
            Answer::Entries(items) => (items == state && state.len() <= count).then(unchanged),
            Answer::Stopped(item, items) => (state.get(count) == Some(item) && state[..count] == items[..]).then(unchanged),
            _ => None,
        },
    }
}
