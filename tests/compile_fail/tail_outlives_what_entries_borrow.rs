//! The drop of a tail takes its entries back, which may look at what they borrow.

use maple_tree::{Entry, RangeMap, Release};
use std::cell::Cell;
use std::ptr::NonNull;

#[repr(align(4))]
struct Place(Cell<Option<Box<u64>>>);

/// An entry that is kept in a place of the caller's. It has no destructor of its own.
struct Lodger<'a>(Box<u64>, &'a Place);

// SAFETY: the pointer is that of an aligned place, in which the box stays until it is taken back.
unsafe impl<'a> Entry for Lodger<'a> {
    type Ref<'r>
        = &'r Place
    where
        Self: 'r;
    const RELEASE: Release = Release::Slot;

    fn into_raw(self) -> NonNull<()> {
        self.1.0.set(Some(self.0));
        NonNull::from(self.1).cast()
    }

    unsafe fn from_raw(raw: NonNull<()>) -> Self {
        // SAFETY: it came from `into_raw`, and `'a` has not ended.
        let place: &'a Place = unsafe { raw.cast().as_ref() };
        Self(place.0.take().expect("lodged"), place)
    }

    unsafe fn borrow<'r>(raw: NonNull<()>) -> &'r Place
    where
        Self: 'r,
    {
        // SAFETY: it came from `into_raw`, and `'a` has not ended.
        unsafe { raw.cast().as_ref() }
    }
}

fn main() {
    let _tail;
    {
        let place = Place(Cell::new(None));
        let mut map = RangeMap::<Lodger<'_>>::new();
        drop(map.insert(10..20, Lodger(Box::new(7), &place)));
        _tail = map.prune(0);
    }
}
