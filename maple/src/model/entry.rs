//! Entries for models: Loom sees each look at one, and its end. They live until the execution is over, so that who comes too late finds an
//! entry that Loom knows to be gone.

use crate::entry::{Entry, Release, Shared, TryClone};
use crate::sync::panicking;
use core::cell::{Cell, RefCell};
use core::marker::PhantomData;
use core::ptr::NonNull;
use loom::cell::UnsafeCell;
use maple_rcu::{AllocError, Link, Rcu};

/// What an entry points at. The link comes first, so a pointer to it is a pointer to the whole.
#[repr(C)]
pub(super) struct Body {
    link: Link,
    /// Looked at by readers, written to at the beginning and at the end.
    value: UnsafeCell<u32>,
    gone: Cell<bool>,
}

std::thread_local! {
    /// All entries of this execution.
    static BODIES: RefCell<Vec<NonNull<Body>>> = const { RefCell::new(Vec::new()) };
}

impl Body {
    fn begin(value: u32) -> NonNull<Self> {
        /// # Safety
        ///
        /// The link of a body that nobody can look at any more.
        unsafe fn reclaim(link: NonNull<Link>) {
            // SAFETY: the link is the first field of a body, which lives until the next execution begins.
            unsafe { link.cast::<Body>().as_ref() }.end();
        }
        let body = Self { link: Link::new(reclaim), value: UnsafeCell::new(value), gone: Cell::new(false) };
        let body = NonNull::from(Box::leak(Box::new(body)));
        BODIES.with_borrow_mut(|bodies| bodies.push(body));
        body
    }

    /// What a reader does.
    pub(super) fn look(&self) -> u32 {
        self.value.with(|value| {
            // SAFETY: Loom checks that nobody writes.
            unsafe { *value }
        })
    }

    fn end(&self) {
        if panicking() {
            // A second panic would end the process.
            return;
        }
        assert!(!self.gone.replace(true), "an entry was dropped twice");
        self.value.with_mut(|value| {
            // SAFETY: Loom checks that nobody looks.
            unsafe { *value = u32::MAX }
        });
    }
}

/// Ends what is left of the execution before.
pub(super) fn begin() {
    for body in BODIES.take() {
        // SAFETY: from `leak` in `Body::begin`; nobody is left who knows it.
        drop(unsafe { Box::from_raw(body.as_ptr()) });
    }
}

/// Ends an execution.
pub(super) fn end() {
    BODIES.with_borrow(|bodies| {
        for body in bodies {
            // SAFETY: the body lives until the next execution begins.
            assert!(unsafe { body.as_ref() }.gone.get(), "an entry was not dropped");
        }
    });
}

/// How an entry is kept until readers are gone.
pub(super) trait Keeping: 'static {
    const RELEASE: Release;
}

/// By a link of its own, as an `RcuBox` is.
#[derive(Debug)]
pub(super) struct ByLink;

/// By its slot, as a `Box` is.
#[derive(Debug)]
pub(super) struct BySlot;

impl Keeping for ByLink {
    const RELEASE: Release = Release::Link;
}

impl Keeping for BySlot {
    const RELEASE: Release = Release::Slot;
}

/// An entry of a model.
pub(super) struct Thing<K>(NonNull<Body>, PhantomData<K>);

// SAFETY: a body has no tie to a thread.
unsafe impl<K> Send for Thing<K> {}
// SAFETY: whether it is looked at properly is what the models are about.
unsafe impl<K> Sync for Thing<K> {}

impl<K> Thing<K> {
    pub(super) fn new(value: u32) -> Self {
        Self(Body::begin(value), PhantomData)
    }
}

impl<K> Drop for Thing<K> {
    fn drop(&mut self) {
        // SAFETY: the body lives until the next execution begins.
        unsafe { self.0.as_ref() }.end();
    }
}

// SAFETY: a body is aligned to a word, and lives to the end of the execution.
unsafe impl<K: Keeping> Entry for Thing<K> {
    type Ref<'a> = &'a Body;
    const RELEASE: Release = K::RELEASE;

    fn into_raw(self) -> NonNull<()> {
        core::mem::ManuallyDrop::new(self).0.cast()
    }

    unsafe fn from_raw(raw: NonNull<()>) -> Self {
        Self(raw.cast(), PhantomData)
    }

    unsafe fn borrow<'a>(raw: NonNull<()>) -> &'a Body {
        // SAFETY: the body lives to the end of the execution.
        unsafe { raw.cast().as_ref() }
    }

    unsafe fn link(raw: NonNull<()>) -> Option<NonNull<Link>> {
        matches!(K::RELEASE, Release::Link).then_some(raw.cast())
    }
}

// SAFETY: nothing here retires to a flavour.
unsafe impl<K: Keeping, R: Rcu> Shared<R> for Thing<K> {}

impl<K: Keeping> TryClone for Thing<K> {
    fn try_clone(entry: &Body) -> Result<Self, AllocError> {
        Ok(Self::new(entry.look()))
    }
}
