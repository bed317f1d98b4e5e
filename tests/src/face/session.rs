//! Calls in one session of a shared tree's writer.

use super::outcome::{allocated, inserted, item, not_replaced, pair, pruned, removed, stored};
use crate::check::nodes_when_full;
use crate::entry::{Flavour, Value};
use crate::map_op::MapOp;
use crate::model::{Bounds, Item, Model};
use crate::op::Op;
use crate::space::{Side, searches};
use maple_tree::{MapleTree, PruneForm, Pruned, RemoveError, Shared, Shortage, Writer};

/// Runs the calls on both, and compares what comes back and what the session sees; the lock is let go at the end.
pub(super) fn run<V: Value + Shared<R>, R: Flavour>(tree: &MapleTree<V, R>, ops: &[Op], model: &mut Model) {
    let mut writer = tree.lock();
    for op in ops {
        call(&mut writer, op, model);
        let edges = op.touched().map_or([0, u64::MAX], |(first, last)| [first, last]);
        for index in edges.into_iter().flat_map(|index| [index.saturating_sub(1), index, index.saturating_add(1)]) {
            let (range, entry) = writer.get_range(index);
            assert_eq!((pair(range), entry.map(V::read)), model.get_range(index), "get_range({index}) after {op:?}");
        }
        if let Err(invalid) = writer.validate() {
            panic!("{invalid:?} after {op:?}\n{}", writer.dump());
        }
    }
    assert_eq!(items(&writer), model.items(), "in the session");
    drop(writer);
}

fn items<V: Value + Shared<R>, R: Flavour>(writer: &Writer<'_, V, R>) -> Vec<Item> {
    writer.iter().map(item::<V>).collect()
}

fn call<V: Value + Shared<R>, R: Flavour>(writer: &mut Writer<'_, V, R>, op: &Op, model: &mut Model) {
    match *op {
        Op::Store { range, value } => {
            assert_eq!(stored(store(writer, range, value), value), model.store(range, value), "{op:?}");
        }
        Op::Insert { range, value } => {
            let done = inserted(writer.insert(range, V::make(value)), value);
            assert_eq!(done, model.insert(range, value), "{op:?}");
        }
        Op::Replace { index, value } => {
            let done = writer.replace(index, V::make(value)).map(|old| item::<V>((old.range(), old.get())));
            assert_eq!(done.map_err(|error| not_replaced(error, value)), model.replace(index, value), "{op:?}");
        }
        Op::Erase { index } => {
            let old = writer.erase(index).map(|old| item::<V>((old.range(), old.get())));
            assert_eq!(old, model.erase(index), "{op:?}");
        }
        Op::Remove { range } => assert_eq!(removed(remove(writer, range)), model.remove(range), "{op:?}"),
        Op::RemoveSparing { range } => {
            let before = items(writer);
            let done = match writer.remove_or(range, Shortage::Refuse) {
                Err(RemoveError::WouldCut(cut)) => {
                    assert!(cut.range.contains(&cut.at), "a cut is inside an entry: {cut:?}");
                    assert_eq!(items(writer), before, "a refused removal changes nothing");
                    remove(writer, range)
                }
                done => done,
            };
            assert_eq!(removed(done), model.remove(range), "{op:?}");
        }
        Op::RemoveWhole { range } => {
            writer.remove_whole(range);
            model.remove_whole(range);
        }
        Op::Find { size, within, align } => {
            for (size, align) in searches(model, size, within, align) {
                let found = [writer.find_free(size, within, align), writer.find_free_back(size, within, align)];
                let want = [Side::Lowest, Side::Highest].map(|side| model.find_free(size, within, align, side));
                assert_eq!(found, want, "{size} indices, {align}: {op:?}");
            }
            assert_eq!(writer.largest_gap(within).map(pair), model.largest_gap(within), "{op:?}");
        }
        Op::AllocRange { size, within, align, side, value } => {
            let done = match side {
                Side::Lowest => writer.alloc_range(size, within, align, V::make(value)),
                Side::Highest => writer.alloc_range_rev(size, within, align, V::make(value)),
            };
            assert_eq!(allocated(done, value), model.alloc_range(size, within, align, side, value), "{op:?}");
        }
        Op::Compact => {
            writer.compact().expect("memory for new nodes");
            let nodes = writer.validate().expect("valid").nodes;
            assert!(nodes <= nodes_when_full(model), "{nodes} nodes");
        }
        Op::Clear => {
            writer.clear();
            model.clear();
        }
        Op::Prune { from } => {
            prune(writer, from, model, |writer| writer.prune(from));
            model.prune(from);
        }
        Op::PruneInPlace { from } => {
            let form = prune(writer, from, model, |writer| writer.prune_in_place(from));
            assert_ne!(form, PruneForm::PathCopy, "in place was asked for");
            model.prune(from);
        }
        Op::PruneCut { from } => {
            let before = items(writer);
            if let Err(refused) = writer.prune_cut(from) {
                // Nobody can be waited for in a session: what a cut lacks comes from the allocator.
                assert_eq!((refused.at, items(writer)), (from, before), "a refused cut changes nothing");
                writer.prune_cut_or(from, Shortage::Allocate).expect("memory for a cut");
            }
            model.prune_cut(from);
        }
        Op::PruneCutAllocating { from } => {
            writer.prune_cut_or(from, Shortage::Allocate).expect("memory for a cut");
            model.prune_cut(from);
        }
        Op::Map(ref op) => call_map(writer, op, model),
        _ => panic!("sessions have no {op:?}"),
    }
}

fn call_map<V: Value + Shared<R>, R: Flavour>(writer: &mut Writer<'_, V, R>, op: &MapOp, model: &mut Model) {
    match *op {
        MapOp::Retain { modulus, rest } => {
            let mut asked = Vec::new();
            writer.retain(|range, entry| {
                asked.push(item::<V>((range, entry)));
                V::read(entry) % modulus != rest
            });
            op.retained(&asked, model);
        }
        MapOp::StoreCoalescing { range, value } => {
            let done = writer.store_coalescing_by(range, V::make(value), |one, other| V::read(one) == V::read(other));
            op.coalesced(done, range, value, model);
        }
        MapOp::Reserved { range, value } => {
            let done = writer.reserve_for(range).map(|token| (token.range(), token.store(V::make(value))).0);
            op.reserved(done, range, value, model);
        }
        _ => panic!("sessions have no {op:?}"),
    }
}

/// A session stores what it can remember, and [`bump`](Writer::bump)s in between, as a long one does.
fn store<V: Value + Shared<R>, R: Flavour>(
    writer: &mut Writer<'_, V, R>,
    range: Bounds,
    value: u64,
) -> Result<(), maple_tree::StoreError<V>> {
    if value % 5 == 0 {
        writer.bump();
    }
    let before = items(writer);
    writer.store(range, V::make(value)).or_else(|error| {
        // Too many entries wait for the end of the session, so no more can be copied.
        if error.kind != maple_tree::StoreErrorKind::OutOfMemory {
            return Err(error);
        }
        assert_eq!(items(writer), before, "a refused store changes nothing");
        writer.bump();
        writer.store(range, error.value)
    })
}

fn remove<V: Value + Shared<R>, R: Flavour>(writer: &mut Writer<'_, V, R>, range: Bounds) -> Result<(), RemoveError> {
    let before = items(writer);
    match writer.remove(range) {
        Err(RemoveError::OutOfMemory) => {
            assert_eq!(items(writer), before, "a refused removal changes nothing");
            writer.bump();
            writer.remove(range)
        }
        done => done,
    }
}

fn prune<V: Value + Shared<R>, R: Flavour>(
    writer: &mut Writer<'_, V, R>,
    from: u64,
    model: &Model,
    prune: impl FnOnce(&mut Writer<'_, V, R>) -> Pruned,
) -> PruneForm {
    let had_tail = model.last().is_some_and(|item| item.0 >= from);
    let height = writer.figures().height;
    let outcome = prune(writer);
    pruned(outcome, height, had_tail);
    outcome.form
}
