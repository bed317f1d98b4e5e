//! Values that know which store they are of.

use super::event::Id;
use maple_tree::{ArcRef, Entry, Grace, Rcu, RcuArc, RcuArcRef, RcuBox, Shared, TryClone};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

/// What a dead value says it is: no store has this number.
pub const DEAD: Id = Id::MAX;

/// An entry made of the number of its store.
pub trait Value<R: Rcu>: Shared<R> + TryClone + Sync {
    /// The entry of a store.
    fn of(id: Id) -> Self;
    /// The store of an entry.
    fn id(entry: <Self as Entry>::Ref<'_>) -> Id;
}

/// A value in memory of its own, which says [`DEAD`] when it is looked at after its end (and before somebody else has the memory).
#[derive(Debug)]
pub struct Payload {
    id: AtomicU32,
}

impl Payload {
    fn new(id: Id) -> Self {
        Self { id: AtomicU32::new(id) }
    }

    fn id(&self) -> Id {
        // Relaxed: the value was there before the slot that leads to it.
        self.id.load(Ordering::Relaxed)
    }
}

impl Clone for Payload {
    fn clone(&self) -> Self {
        Self::new(self.id())
    }
}

impl Drop for Payload {
    fn drop(&mut self) {
        // Relaxed: nobody should be there to see it.
        self.id.store(DEAD, Ordering::Relaxed);
    }
}

impl<R: Rcu> Value<R> for u32 {
    fn of(id: Id) -> Self {
        id
    }

    fn id(entry: u32) -> Id {
        entry
    }
}

impl<R: Rcu> Value<R> for Box<Payload> {
    fn of(id: Id) -> Self {
        Box::new(Payload::new(id))
    }

    fn id(entry: &Payload) -> Id {
        entry.id()
    }
}

impl<R: Rcu> Value<R> for Arc<Payload> {
    fn of(id: Id) -> Self {
        Arc::new(Payload::new(id))
    }

    fn id(entry: ArcRef<'_, Payload>) -> Id {
        entry.get().id()
    }
}

impl<R: Rcu> Value<R> for RcuBox<Payload> {
    fn of(id: Id) -> Self {
        RcuBox::try_new(Payload::new(id)).expect("memory")
    }

    fn id(entry: &Payload) -> Id {
        entry.id()
    }
}

macro_rules! rcu_arc {
    ($flavour:ty) => {
        impl Value<$flavour> for RcuArc<Payload, $flavour> {
            fn of(id: Id) -> Self {
                RcuArc::try_new(Payload::new(id)).expect("memory")
            }

            fn id(entry: RcuArcRef<'_, Payload, $flavour>) -> Id {
                entry.id()
            }
        }
    };
}

// In a build where all is on `Grace`, `Epoch` is another name of it.
#[cfg(not(maple_rcu_all_grace))]
rcu_arc!(maple_tree::Epoch);
rcu_arc!(Grace);
