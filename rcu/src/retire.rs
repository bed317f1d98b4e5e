//! Retired objects: remembered through a link of their own, so that remembering them never needs memory.
//!
//! ```text
//! RetireList           object            object
//! +------+         +---------+       +---------+
//! | head |-------> | next    |-----> | next    |-----> null
//! +------+         | reclaim |       | reclaim |
//!                  | ...     |       | ...     |
//!                  +---------+       +---------+
//! ```
//!
//! Many threads push at the head; taking swaps the whole list out. Nothing is ever popped singly, so a head that was seen and is
//! seen again has the same meaning both times (no ABA problem).

use crate::Batch;
use crate::sync::{AtomicPtr, AtomicUsize, Ordering, const_fn, order};
use core::fmt;
use core::ptr::{self, NonNull};

/// The intrusive link of an object that can be retired: its first field.
///
/// Two words: the next retired object, and the function that drops and frees this one.
///
/// # Invariants
///
/// * `reclaim` never changes after [`Link::new`].
/// * `next` belongs to the list that the link is on, from [`RetireList::push`] until `reclaim` is called. It is atomic only so that
///   a reader may hold a shared reference to the whole object meanwhile.
///
/// # Examples
///
/// ```
/// use core::ptr::NonNull;
/// use maple_rcu::{Link, RetireList};
///
/// #[repr(C)]
/// struct Session {
///     link: Link,
///     name: String,
/// }
///
/// unsafe fn reclaim(link: NonNull<Link>) {
///     // SAFETY: the link is the first field of a `Session` that was a box, and it is given up here.
///     drop(unsafe { Box::from_raw(link.cast::<Session>().as_ptr()) });
/// }
///
/// let session = Box::new(Session { link: Link::new(reclaim), name: "one".to_owned() });
/// assert_eq!(session.name, "one");
/// let list = RetireList::new();
/// // SAFETY: nobody but the list knows the session from here on, and `reclaim` may run on any thread.
/// unsafe { list.push(NonNull::from(Box::leak(session)).cast()) };
/// let batch = list.take_all().expect("one object was pushed");
/// // SAFETY: there never was a reader.
/// unsafe { batch.run() };
/// ```
#[repr(C)]
pub struct Link {
    next: AtomicPtr<Link>,
    reclaim: unsafe fn(NonNull<Link>),
}

impl Link {
    const_fn! {
        /// A link that is on no list. `reclaim` will be called with a pointer to it, once, after a grace period.
        ///
        /// Neither allocates nor blocks.
        ///
        /// # Examples
        ///
        /// ```
        /// use core::ptr::NonNull;
        /// use maple_rcu::Link;
        ///
        /// unsafe fn nothing_to_do(_: NonNull<Link>) {}
        /// static LINK: Link = Link::new(nothing_to_do);
        /// assert_eq!(size_of_val(&LINK), 2 * size_of::<usize>());
        /// ```
        #[must_use]
        pub const fn new(reclaim: unsafe fn(NonNull<Link>)) -> Self {
            Self { next: AtomicPtr::new(ptr::null_mut()), reclaim }
        }
    }
}

impl fmt::Debug for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Link").finish_non_exhaustive()
    }
}

/// Objects that were retired, until a grace period is asked for: a lock-free stack with many producers.
///
/// Dropping a list that is not empty leaks what is on it; whether a grace period has passed is not known there.
///
/// # Invariants
///
/// The list owns its objects. Following `head` through `next` passes each of them once and ends at null; every one fulfils the
/// contract of [`push`](RetireList::push).
///
/// # Examples
///
/// ```
/// use maple_rcu::RetireList;
///
/// static RETIRED: RetireList = RetireList::new();
/// assert!(RETIRED.is_empty());
/// assert!(RETIRED.take_all().is_none());
/// ```
pub struct RetireList {
    head: AtomicPtr<Link>,
    /// About how many objects are on the list.
    len: AtomicUsize,
}

impl RetireList {
    const_fn! {
        /// An empty list. Neither allocates nor blocks.
        ///
        /// # Examples
        ///
        /// ```
        /// let list = maple_rcu::RetireList::new();
        /// assert!(list.is_empty());
        /// ```
        #[must_use]
        pub const fn new() -> Self {
            Self { head: AtomicPtr::new(ptr::null_mut()), len: AtomicUsize::new(0) }
        }
    }

    /// Puts an object on the list.
    ///
    /// Lock-free; never allocates, never blocks, never panics, never enters a read section.
    ///
    /// # Safety
    ///
    /// * `link` points to a [`Link`] inside a live object, may be used for all that its `reclaim` function does with it, and stays
    ///   valid until that function is called.
    /// * No new reader can find the object any more, and it has not been retired before.
    /// * After a grace period of the flavour that the list belongs to, `reclaim(link)` may be called once, on any thread.
    /// * Until then nobody writes to the link, and nobody else drops or frees the object.
    ///
    /// # Examples
    ///
    /// ```
    /// use maple_rcu::{RcuBox, RetireList};
    ///
    /// let list = RetireList::new();
    /// let raw = RcuBox::try_new(String::from("gone"))?.into_raw();
    /// // SAFETY: `raw` came from `into_raw`, and from here on the list owns the box.
    /// let link = unsafe { RcuBox::<String>::raw_link(raw) };
    /// // SAFETY: as above; a string may be dropped on any thread.
    /// unsafe { list.push(link) };
    /// assert!(!list.is_empty());
    /// // SAFETY: there never was a reader.
    /// unsafe { list.take_all().expect("one object was pushed").run() };
    /// # Ok::<(), maple_rcu::AllocError<String>>(())
    /// ```
    pub unsafe fn push(&self, link: NonNull<Link>) {
        // Relaxed, and not one step: a hint, from which nothing is concluded about the objects. When two push at a time one may not
        // be counted.
        self.len.store(self.len.load(Ordering::Relaxed).wrapping_add(1), Ordering::Relaxed);
        // Relaxed: the value is only written back, never followed here; the exchange below fails if it is out of date.
        let mut head = self.head.load(Ordering::Relaxed);
        loop {
            // SAFETY: the caller promises that the object is alive. It cannot go away within this iteration: the list takes it over
            // only when the exchange below succeeds.
            let next = unsafe { &link.as_ref().next };
            // Relaxed: published by the exchange below.
            next.store(head, Ordering::Relaxed);
            // INVARIANT: `link` leads to the list as it was, and becomes its head.
            //
            // Release: partner of the Acquire in `take_all`. All that this thread did to the object, and the store to `next`, come
            // before its reclaiming. Earlier pushes stay covered, since an exchange continues the release sequence of the one that
            // wrote `head`. Relaxed on failure: as for the first load.
            match self.head.compare_exchange_weak(head, link.as_ptr(), Ordering::Release, Ordering::Relaxed) {
                Ok(_) => return,
                Err(seen) => head = seen,
            }
        }
    }

    /// Takes everything off the list as one batch; `None` if there is nothing.
    ///
    /// Running the batch reclaims the objects in no particular order. If the destructor of one panics, the others are still
    /// reclaimed before the panic goes on; a second panic among those aborts the process. Dropping the batch instead leaks them.
    ///
    /// Wait-free; never allocates, never blocks, never panics.
    ///
    /// # Examples
    ///
    /// ```
    /// use maple_rcu::{Epoch, Rcu, RcuArc};
    ///
    /// drop(RcuArc::<u32>::try_new(7)?);
    /// // What `Epoch::flush()` does:
    /// let batch = Epoch::retired().take_all().expect("retired just now");
    /// // SAFETY: the batch came from the list of the same flavour.
    /// unsafe { Epoch::hand_over(batch) };
    /// assert!(Epoch::retired().is_empty());
    /// # Ok::<(), maple_rcu::AllocError<u32>>(())
    /// ```
    #[must_use = "dropping the batch leaks its objects"]
    pub fn take_all(&self) -> Option<Batch> {
        // Relaxed: a hint, as in `push`.
        self.len.store(0, Ordering::Relaxed);
        // Acquire: partner of the Release in `push`, for every object on the list. Release: partner of that Acquire in another's call that
        // finds nothing: it sees what this thread did before it took the objects (`GraceOn::barrier` looks where they might have gone).
        let head = NonNull::new(self.head.swap(ptr::null_mut(), order!(AcqRel, Acquire, Empty)))?;
        // SAFETY: by the invariant, `head` leads to objects that the list owned and now the batch does; each may be reclaimed once
        // on any thread after a grace period, as `push` was promised.
        Some(unsafe { Batch::new(head.cast(), ptr::null(), reclaim_all) })
    }

    /// About how many objects are on the list: a hint for whoever decides when a batch is worth its price. Objects that are pushed
    /// while others are pushed or taken may be left out.
    ///
    /// Never allocates, never blocks.
    ///
    /// # Examples
    ///
    /// ```
    /// assert_eq!(maple_rcu::RetireList::new().len(), 0);
    /// ```
    #[must_use]
    pub fn len(&self) -> usize {
        // Relaxed: a hint.
        self.len.load(Ordering::Relaxed)
    }

    /// Whether nothing is on the list at this instant. A hint: others may push or take at any time.
    ///
    /// Never allocates, never blocks.
    ///
    /// # Examples
    ///
    /// ```
    /// assert!(maple_rcu::RetireList::new().is_empty());
    /// ```
    #[must_use]
    pub fn is_empty(&self) -> bool {
        // Relaxed: the pointer is not followed.
        self.head.load(Ordering::Relaxed).is_null()
    }
}

impl Default for RetireList {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for RetireList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RetireList").field("is_empty", &self.is_empty()).finish()
    }
}

/// Reclaims every object from `head` on.
///
/// # Safety
///
/// `head` is the head of a list that was taken off a [`RetireList`] and is given up here; a grace period has passed since.
unsafe fn reclaim_all(head: NonNull<()>, _context: *const ()) {
    let mut chain = Chain { next: Some(head.cast()) };
    chain.reclaim();
}

/// The part of a list that is not reclaimed yet.
///
/// # Invariants
///
/// `next` leads to objects that were taken off a [`RetireList`], belong to this chain alone, and whose grace period has passed.
struct Chain {
    next: Option<NonNull<Link>>,
}

impl Chain {
    fn reclaim(&mut self) {
        // What is to be called for an object is looked up while the one before it is still there: so its memory is on the way meanwhile.
        let mut upcoming = self.function();
        while let Some((link, reclaim)) = self.next.zip(upcoming) {
            // The link goes with its object, so the rest is remembered first.
            //
            // Relaxed: the Acquire in `take_all` made the stores of `push` visible, and whoever handed the batch to this thread did
            // the same for what came before.
            //
            // SAFETY: by the invariant the object is alive and belongs to this chain.
            self.next = NonNull::new(unsafe { link.as_ref() }.next.load(Ordering::Relaxed));
            upcoming = self.function();
            // SAFETY: by the invariant a grace period has passed, as `push` was promised; the chain no longer knows the object, so
            // this is the only call.
            unsafe { reclaim(link) };
        }
    }

    /// What reclaims the next object.
    fn function(&self) -> Option<unsafe fn(NonNull<Link>)> {
        // SAFETY: by the invariant the object is alive and belongs to this chain.
        self.next.map(|link| unsafe { link.as_ref() }.reclaim)
    }
}

impl Drop for Chain {
    /// Goes on with the rest when a destructor panicked.
    fn drop(&mut self) {
        self.reclaim();
    }
}
