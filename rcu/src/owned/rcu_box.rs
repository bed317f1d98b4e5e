//! [`RcuBox`]: one owner.

use super::Block;
use crate::{AllocError, Link};
use core::fmt;
use core::marker::PhantomData;
use core::mem::ManuallyDrop;
use core::ops::{Deref, DerefMut};
use core::ptr::{self, NonNull};

/// What an [`RcuBox`] points to. The link comes first, so a pointer to it is a pointer to the whole.
#[repr(C, align(8))]
struct Body<T> {
    link: Link,
    value: T,
}

/// The only owner of a value on the heap that has an intrusive link, so that it can be retired without needing memory.
///
/// Like a `Box<T>` with a head of two words. Dropping it frees it at once: as long as there is an `RcuBox`, there are no readers. A
/// concurrent structure holds it as a raw pointer ([`into_raw`](RcuBox::into_raw)) and retires its link.
///
/// # Invariants
///
/// `body` came from a `Block`, its link and value are initialised, and nobody else refers to it. The link is on no list.
///
/// # Examples
///
/// ```
/// use maple_rcu::RcuBox;
///
/// let mut boxed = RcuBox::try_new(vec![1, 2])?;
/// boxed.push(3);
/// assert_eq!(*boxed, [1, 2, 3]);
/// # Ok::<(), maple_rcu::AllocError<Vec<i32>>>(())
/// ```
///
/// It goes to another thread only if its value may:
///
/// ```compile_fail,E0277
/// let boxed = maple_rcu::RcuBox::try_new(std::rc::Rc::new(5)).unwrap();
/// std::thread::spawn(move || drop(boxed));
/// ```
pub struct RcuBox<T> {
    body: NonNull<Body<T>>,
    owns: PhantomData<T>,
}

// SAFETY: by the invariant the box is the only way to its value, so sending it sends the value. The link has no tie to a thread.
unsafe impl<T: Send> Send for RcuBox<T> {}

// SAFETY: a shared box gives out only `&T`.
unsafe impl<T: Sync> Sync for RcuBox<T> {}

impl<T> RcuBox<T> {
    /// Puts `value` on the heap. Allocates once; never blocks.
    ///
    /// # Errors
    ///
    /// [`AllocError`] with the value if the allocator gives no memory. Never aborts.
    ///
    /// # Examples
    ///
    /// ```
    /// use maple_rcu::RcuBox;
    ///
    /// let boxed = RcuBox::try_new(5)?;
    /// assert_eq!(*boxed, 5);
    /// # Ok::<(), maple_rcu::AllocError<i32>>(())
    /// ```
    pub fn try_new(value: T) -> Result<Self, AllocError<T>> {
        let Ok(block) = Block::<Body<T>>::try_new() else {
            return Err(AllocError(value));
        };
        let body = block.into_raw();
        // SAFETY: the block has room for a body and belongs to this function.
        unsafe { body.write(Body { link: Link::new(reclaim::<T>), value }) };
        // INVARIANT: from a block, initialised just above, and known here only.
        Ok(Self { body, owns: PhantomData })
    }

    /// Takes the value out and frees the memory at once. Neither allocates nor blocks.
    ///
    /// # Examples
    ///
    /// ```
    /// use maple_rcu::RcuBox;
    ///
    /// let boxed = RcuBox::try_new(String::from("back"))?;
    /// assert_eq!(boxed.into_inner(), "back");
    /// # Ok::<(), maple_rcu::AllocError<String>>(())
    /// ```
    #[must_use = "the value is dropped if it is not used"]
    pub fn into_inner(self) -> T {
        let body = ManuallyDrop::new(self).body;
        // SAFETY: by the invariant the body is alive.
        let value = unsafe { value_of(body) };
        // SAFETY: by the invariant the value is initialised; it is moved out here, and never looked at again.
        let value = unsafe { value.read() };
        // SAFETY: by the invariant the body came from a block; the box that owned it is given up.
        drop(unsafe { Block::from_raw(body) });
        value
    }

    /// Gives the box up as a pointer to its head, aligned to 8 bytes or more. Neither allocates nor blocks.
    ///
    /// It is leaked unless [`from_raw`](RcuBox::from_raw) takes it back or its [link](RcuBox::raw_link) is retired.
    ///
    /// # Examples
    ///
    /// ```
    /// use maple_rcu::RcuBox;
    ///
    /// let raw = RcuBox::try_new(5_u8)?.into_raw();
    /// assert!(raw.addr().get().is_multiple_of(8));
    /// // SAFETY: from `into_raw` just above.
    /// drop(unsafe { RcuBox::<u8>::from_raw(raw) });
    /// # Ok::<(), maple_rcu::AllocError<u8>>(())
    /// ```
    #[must_use = "the box leaks if the pointer is lost"]
    pub fn into_raw(self) -> NonNull<()> {
        ManuallyDrop::new(self).body.cast()
    }

    /// Takes a box back. Neither allocates nor blocks.
    ///
    /// # Safety
    ///
    /// `raw` came from [`into_raw`](RcuBox::into_raw) of an `RcuBox<T>` and is given up: it was neither retired nor taken back
    /// before, and no reader looks at the value any more.
    ///
    /// # Examples
    ///
    /// ```
    /// use maple_rcu::RcuBox;
    ///
    /// let raw = RcuBox::try_new(5)?.into_raw();
    /// // SAFETY: from `into_raw` just above, once.
    /// let boxed = unsafe { RcuBox::<i32>::from_raw(raw) };
    /// assert_eq!(*boxed, 5);
    /// # Ok::<(), maple_rcu::AllocError<i32>>(())
    /// ```
    #[must_use = "the value is dropped if the box is not used"]
    pub unsafe fn from_raw(raw: NonNull<()>) -> Self {
        // INVARIANT: a box gave its body up as `raw`, and the caller gives it up here.
        Self { body: raw.cast(), owns: PhantomData }
    }

    /// Looks at the value behind a raw pointer. Neither allocates nor blocks.
    ///
    /// # Safety
    ///
    /// `raw` came from [`into_raw`](RcuBox::into_raw) of an `RcuBox<T>`. During `'a` the value is neither changed nor reclaimed: the
    /// box is not taken back, and it is not retired, or was found inside a read section that lasts as long as `'a`.
    ///
    /// # Examples
    ///
    /// ```
    /// use maple_rcu::RcuBox;
    ///
    /// let raw = RcuBox::try_new(5)?.into_raw();
    /// // SAFETY: from `into_raw` just above, and taken back only below.
    /// assert_eq!(unsafe { *RcuBox::<i32>::raw_value(raw) }, 5);
    /// // SAFETY: as above, once.
    /// drop(unsafe { RcuBox::<i32>::from_raw(raw) });
    /// # Ok::<(), maple_rcu::AllocError<i32>>(())
    /// ```
    #[must_use]
    pub unsafe fn raw_value<'a>(raw: NonNull<()>) -> &'a T {
        // SAFETY: the caller promises a body that a box gave up.
        let value = unsafe { value_of::<T>(raw.cast()) };
        // SAFETY: the value is initialised, by the invariant of the box that gave it up, and the caller promises that it stays so
        // and is not written to during `'a`.
        unsafe { value.as_ref() }
    }

    /// The link of a box that was given up, to be [retired](crate::Rcu::retire). Reclaiming it drops the value and frees the memory.
    ///
    /// Neither allocates nor blocks.
    ///
    /// # Safety
    ///
    /// `raw` came from [`into_raw`](RcuBox::into_raw) of an `RcuBox<T>`, and the box was not taken back or reclaimed. To retire the
    /// link, `T` must be `Send` and `'static`, since it is dropped later and on any thread.
    ///
    /// # Examples
    ///
    /// ```
    /// use maple_rcu::{Epoch, Rcu, RcuBox};
    ///
    /// let raw = RcuBox::try_new(5)?.into_raw();
    /// // SAFETY: from `into_raw` just above.
    /// let link = unsafe { RcuBox::<i32>::raw_link(raw) };
    /// // SAFETY: nobody can find the box, and from here on the flavour owns it.
    /// unsafe { Epoch::retire(link) };
    /// assert!(Epoch::flush());
    /// # Ok::<(), maple_rcu::AllocError<i32>>(())
    /// ```
    #[must_use]
    pub unsafe fn raw_link(raw: NonNull<()>) -> NonNull<Link> {
        raw.cast()
    }
}

/// The place of the value. No reference to the body is made: its link may be in use by a list.
///
/// # Safety
///
/// `body` points to memory for a body.
unsafe fn value_of<T>(body: NonNull<Body<T>>) -> NonNull<T> {
    // SAFETY: the caller's promise: the place is inside the allocation.
    let value = unsafe { &raw mut (*body.as_ptr()).value };
    // SAFETY: a place inside an allocation is not null.
    unsafe { NonNull::new_unchecked(value) }
}

/// Drops the value, then frees the memory, also if the drop panics.
///
/// # Safety
///
/// As for [`RcuBox::from_raw`].
unsafe fn release<T>(body: NonNull<Body<T>>) {
    // SAFETY: a box gave the body up, and it came from a block.
    let _block = unsafe { Block::from_raw(body) };
    // SAFETY: as above.
    let value = unsafe { value_of(body) };
    // SAFETY: the value is initialised and nobody else refers to it.
    unsafe { ptr::drop_in_place(value.as_ptr()) };
}

/// The reclaim function of a box's link.
///
/// # Safety
///
/// `link` is the link of an `RcuBox<T>` that was given up and is on no list any more; no reader looks at the value.
unsafe fn reclaim<T>(link: NonNull<Link>) {
    // SAFETY: the caller's promise. The link is the first field of the body, and the pointer was made from one to the whole.
    unsafe { release::<T>(link.cast()) };
}

impl<T> Drop for RcuBox<T> {
    /// Drops the value and frees the memory at once. Neither allocates nor blocks, unless `T` does.
    fn drop(&mut self) {
        // SAFETY: by the invariant nobody else refers to the body, and the box is gone after this.
        unsafe { release(self.body) };
    }
}

impl<T> Deref for RcuBox<T> {
    type Target = T;

    fn deref(&self) -> &T {
        // SAFETY: by the invariant the body is alive.
        let value = unsafe { value_of(self.body) };
        // SAFETY: by the invariant the value is initialised; the box is borrowed, so it is not changed meanwhile.
        unsafe { value.as_ref() }
    }
}

impl<T> DerefMut for RcuBox<T> {
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: by the invariant the body is alive.
        let mut value = unsafe { value_of(self.body) };
        // SAFETY: by the invariant the value is initialised and nobody else refers to it; the box is borrowed for as long.
        unsafe { value.as_mut() }
    }
}

impl<T: fmt::Debug> fmt::Debug for RcuBox<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

impl<T> AsRef<T> for RcuBox<T> {
    fn as_ref(&self) -> &T {
        self
    }
}
