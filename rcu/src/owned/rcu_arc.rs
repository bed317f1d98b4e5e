//! [`RcuArc`]: counted owners.

use super::Block;
#[cfg(feature = "std")]
use crate::Epoch;
use crate::sync::{AtomicUsize, Ordering};
use crate::{AllocError, Link, Rcu};
use core::fmt;
use core::marker::PhantomData;
use core::mem::ManuallyDrop;
use core::ops::Deref;
use core::ptr::{self, NonNull};

/// What an [`RcuArc`] points to. The link comes first, so a pointer to it is a pointer to the whole.
#[repr(C, align(8))]
struct Body<T> {
    link: Link,
    count: AtomicUsize,
    value: T,
}

/// No count gets past this: one that is found above it ends the process, long before it could wrap.
const MAX_COUNT: usize = isize::MAX.unsigned_abs();

/// A shared owner of a value on the heap that outlives its last owner by a grace period.
///
/// Like an `Arc<T>`, except that the last owner to go *retires* the value to the flavour `R` instead of freeing it. So who finds a
/// pointer to it inside a read section may look at the value until the section ends without touching the count, and may try to
/// become an owner ([`raw_try_clone`](RcuArc::raw_try_clone)).
///
/// A drop never allocates, never blocks and never runs the destructor of `T`. That runs on some thread after a later
/// [`R::flush`](Rcu::flush), hence the bounds on `T`. There is no `get_mut`: readers are not counted.
///
/// # Invariants
///
/// * `body` came from a `Block`; its link and value are initialised.
/// * The count is the number of owners (`RcuArc`s, and raw pointers that stand for one). While it is above zero the body is alive and
///   its link is on no list. It never leaves zero: whoever brings it there retires the body to `R`, once.
///
/// # Examples
///
/// ```
/// use maple_rcu::{Rcu, RcuArc, Epoch};
///
/// let one: RcuArc<String> = RcuArc::try_new("shared".to_owned())?;
/// let two = one.clone();
/// assert_eq!(RcuArc::strong_count(&one), 2);
/// assert!(RcuArc::ptr_eq(&one, &two));
/// drop(one);
/// assert_eq!(*two, "shared");
/// # Ok::<(), maple_rcu::AllocError<String>>(())
/// ```
///
/// The value must be `Sync`, as it is seen from several threads:
///
/// ```compile_fail,E0277
/// let arc: maple_rcu::RcuArc<_> = maple_rcu::RcuArc::try_new(std::cell::Cell::new(5)).unwrap();
/// ```
#[cfg(feature = "std")]
pub struct RcuArc<T: Send + 'static, R: Rcu = Epoch> {
    body: NonNull<Body<T>>,
    owns: PhantomData<T>,
    flavour: PhantomData<fn() -> R>,
}

/// A shared owner of a value on the heap that outlives its last owner by a grace period of `R`. (With the feature `std` there is a default
/// for `R`, and the page has examples.)
///
/// # Invariants
///
/// * `body` came from a `Block`; its link and value are initialised.
/// * The count is the number of owners (`RcuArc`s, and raw pointers that stand for one). While it is above zero the body is alive and
///   its link is on no list. It never leaves zero: whoever brings it there retires the body to `R`, once.
#[cfg(not(feature = "std"))]
pub struct RcuArc<T: Send + 'static, R: Rcu> {
    body: NonNull<Body<T>>,
    owns: PhantomData<T>,
    flavour: PhantomData<fn() -> R>,
}

// SAFETY: as for `Arc`: an owner on another thread gives out `&T` there (`Sync`) and may be the last, so that `T` is dropped there
// or wherever the flavour runs the batch (`Send`). The count is atomic, and the link has no tie to a thread.
unsafe impl<T: Send + Sync + 'static, R: Rcu> Send for RcuArc<T, R> {}

// SAFETY: as for `Send`: a shared `RcuArc` can be cloned, which makes an owner on the other thread.
unsafe impl<T: Send + Sync + 'static, R: Rcu> Sync for RcuArc<T, R> {}

impl<T: Send + Sync + 'static, R: Rcu> RcuArc<T, R> {
    /// Puts `value` on the heap, with one owner. Allocates once; never blocks.
    ///
    /// # Errors
    ///
    /// [`AllocError`] with the value if the allocator gives no memory. Never aborts.
    ///
    /// # Examples
    ///
    /// ```
    /// use maple_rcu::RcuArc;
    ///
    /// let arc: RcuArc<u32> = RcuArc::try_new(5)?;
    /// assert_eq!(*arc, 5);
    /// # Ok::<(), maple_rcu::AllocError<u32>>(())
    /// ```
    pub fn try_new(value: T) -> Result<Self, AllocError<T>> {
        let Ok(block) = Block::<Body<T>>::try_new() else {
            return Err(AllocError(value));
        };
        let body = block.into_raw();
        let contents = Body { link: Link::new(reclaim::<T>), count: AtomicUsize::new(1), value };
        // SAFETY: the block has room for a body and belongs to this function.
        unsafe { body.write(contents) };
        // INVARIANT: from a block, initialised just above; the count is 1 and this is the owner.
        Ok(Self { body, owns: PhantomData, flavour: PhantomData })
    }
}

impl<T: Send + 'static, R: Rcu> RcuArc<T, R> {
    /// Whether both own the same value. Neither allocates nor blocks.
    ///
    /// # Examples
    ///
    /// ```
    /// use maple_rcu::RcuArc;
    ///
    /// let one: RcuArc<u32> = RcuArc::try_new(5)?;
    /// let other: RcuArc<u32> = RcuArc::try_new(5)?;
    /// assert!(RcuArc::ptr_eq(&one, &one.clone()));
    /// assert!(!RcuArc::ptr_eq(&one, &other));
    /// # Ok::<(), maple_rcu::AllocError<u32>>(())
    /// ```
    #[must_use]
    pub fn ptr_eq(this: &Self, other: &Self) -> bool {
        this.body == other.body
    }

    /// The number of owners at this instant. Others may clone or drop at any time. Neither allocates nor blocks.
    ///
    /// # Examples
    ///
    /// ```
    /// use maple_rcu::RcuArc;
    ///
    /// let arc: RcuArc<u32> = RcuArc::try_new(5)?;
    /// assert_eq!(RcuArc::strong_count(&arc), 1);
    /// # Ok::<(), maple_rcu::AllocError<u32>>(())
    /// ```
    #[must_use]
    pub fn strong_count(this: &Self) -> usize {
        // SAFETY: by the invariant the body is alive as long as this owner.
        let count = unsafe { count_of(this.body) };
        // Relaxed: a figure; nothing is accessed because of it.
        count.load(Ordering::Relaxed)
    }

    /// Gives the owner up as a pointer to the value's head, aligned to 8 bytes or more. The count stays. Neither allocates nor blocks.
    ///
    /// It is leaked unless [`from_raw`](RcuArc::from_raw) takes it back.
    ///
    /// # Examples
    ///
    /// ```
    /// use maple_rcu::RcuArc;
    ///
    /// let raw = RcuArc::<u32>::try_new(5)?.into_raw();
    /// assert!(raw.addr().get().is_multiple_of(8));
    /// // SAFETY: from `into_raw` just above.
    /// drop(unsafe { RcuArc::<u32>::from_raw(raw) });
    /// # Ok::<(), maple_rcu::AllocError<u32>>(())
    /// ```
    #[must_use = "the value leaks if the pointer is lost"]
    pub fn into_raw(self) -> NonNull<()> {
        ManuallyDrop::new(self).body.cast()
    }

    /// Takes an owner back. Neither allocates nor blocks.
    ///
    /// # Safety
    ///
    /// `raw` came from [`into_raw`](RcuArc::into_raw) of an `RcuArc<T, R>` with the same `T` and `R`, and each such pointer is taken
    /// back at most once.
    ///
    /// # Examples
    ///
    /// ```
    /// use maple_rcu::RcuArc;
    ///
    /// let raw = RcuArc::<u32>::try_new(5)?.into_raw();
    /// // SAFETY: from `into_raw` just above, once.
    /// let arc = unsafe { RcuArc::<u32>::from_raw(raw) };
    /// assert_eq!(*arc, 5);
    /// # Ok::<(), maple_rcu::AllocError<u32>>(())
    /// ```
    #[must_use = "the owner is dropped if it is not used"]
    pub unsafe fn from_raw(raw: NonNull<()>) -> Self {
        // INVARIANT: `raw` stands for one owner in the count, and the caller gives it up here.
        Self { body: raw.cast(), owns: PhantomData, flavour: PhantomData }
    }

    /// Looks at the value behind a raw pointer, without touching the count. Neither allocates nor blocks.
    ///
    /// # Safety
    ///
    /// `raw` came from [`into_raw`](RcuArc::into_raw) of an `RcuArc<T, R>`. For as long as `'a` there is an owner, or the calling
    /// thread is inside a read section of `R` in which there was one when the pointer was found.
    ///
    /// # Examples
    ///
    /// ```
    /// use maple_rcu::{Epoch, Rcu, RcuArc};
    ///
    /// let guard = Epoch::pin();
    /// let raw = RcuArc::<u32>::try_new(5)?.into_raw();
    /// // SAFETY: from `into_raw` just above; the read section outlasts the reference.
    /// let value = unsafe { RcuArc::<u32>::raw_value(raw) };
    /// // SAFETY: as above, once.
    /// drop(unsafe { RcuArc::<u32>::from_raw(raw) });
    /// assert_eq!(*value, 5); // retired, but not yet gone
    /// drop(guard);
    /// # Ok::<(), maple_rcu::AllocError<u32>>(())
    /// ```
    #[must_use]
    pub unsafe fn raw_value<'a>(raw: NonNull<()>) -> &'a T {
        // SAFETY: the caller promises that the body is alive during `'a`: it has an owner, or its grace period cannot end before the
        // read section does.
        let value = unsafe { value_of::<T>(raw.cast()) };
        // SAFETY: as above; by the invariant the value is initialised, and nobody writes to it while the body is alive.
        unsafe { value.as_ref() }
    }

    /// Becomes one more owner of the value behind a raw pointer, unless the last owner has gone; then `None`.
    ///
    /// Lock-free; neither allocates nor blocks.
    ///
    /// # Aborts
    ///
    /// If there are more than `isize::MAX` owners already, as `Arc` does.
    ///
    /// # Safety
    ///
    /// As for [`raw_value`](RcuArc::raw_value), for the length of this call.
    ///
    /// # Examples
    ///
    /// ```
    /// use maple_rcu::{Epoch, Rcu, RcuArc};
    ///
    /// let guard = Epoch::pin();
    /// let raw = RcuArc::<u32>::try_new(5)?.into_raw();
    /// // SAFETY: from `into_raw` just above; the owner is not taken back yet.
    /// let second = unsafe { RcuArc::<u32>::raw_try_clone(raw) }.expect("there is an owner");
    /// drop(second);
    /// // SAFETY: from `into_raw` above, once.
    /// drop(unsafe { RcuArc::<u32>::from_raw(raw) });
    /// // SAFETY: there was an owner inside this read section.
    /// assert!(unsafe { RcuArc::<u32>::raw_try_clone(raw) }.is_none());
    /// drop(guard);
    /// # Ok::<(), maple_rcu::AllocError<u32>>(())
    /// ```
    #[must_use = "the owner is dropped if it is not used"]
    pub unsafe fn raw_try_clone(raw: NonNull<()>) -> Option<Self> {
        let body = raw.cast::<Body<T>>();
        // SAFETY: the caller promises that the body is alive during this call.
        let count = unsafe { count_of(body) };
        // Relaxed: only the exchange below decides.
        let mut owners = count.load(Ordering::Relaxed);
        while owners != 0 {
            check_count(owners);
            // INVARIANT: one more owner, and never from zero: a body at zero is retired already.
            //
            // Relaxed: the caller can look at the value already, by whatever gave it the pointer. What this owner does is ordered
            // before the reclaiming by the Release of its own drop.
            match count.compare_exchange_weak(owners, owners + 1, Ordering::Relaxed, Ordering::Relaxed) {
                Ok(_) => {
                    return Some(Self { body, owns: PhantomData, flavour: PhantomData });
                }
                Err(seen) => owners = seen,
            }
        }
        None
    }
}

/// Ends the process if `owners` is out of bounds. A panic would leave the count wrong, and so many owners can only have been leaked.
fn check_count(owners: usize) {
    if owners > MAX_COUNT {
        crate::abort();
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

/// The count.
///
/// # Safety
///
/// The body is alive during `'a`.
unsafe fn count_of<'a, T>(body: NonNull<Body<T>>) -> &'a AtomicUsize {
    // SAFETY: the caller's promise: the place is inside the allocation, and it is initialised.
    unsafe { &(*body.as_ptr()).count }
}

/// The reclaim function of the link: drops the value, then frees the memory, also if the drop panics.
///
/// # Safety
///
/// `link` is the link of a body whose count is zero, and a grace period has passed since it was retired.
unsafe fn reclaim<T>(link: NonNull<Link>) {
    let body = link.cast::<Body<T>>();
    // SAFETY: the body came from a block; no owner and no reader is left. The link is the first field of the body, and the pointer
    // was made from one to the whole.
    let _block = unsafe { Block::from_raw(body) };
    // SAFETY: as above.
    let value = unsafe { value_of(body) };
    // SAFETY: the value is initialised, and this is called once.
    unsafe { ptr::drop_in_place(value.as_ptr()) };
}

impl<T: Send + 'static, R: Rcu> Clone for RcuArc<T, R> {
    /// One more owner of the same value. Neither allocates nor blocks.
    ///
    /// Aborts if there are more than `isize::MAX` owners already, as `Arc` does.
    fn clone(&self) -> Self {
        // SAFETY: by the invariant the body is alive as long as this owner.
        let count = unsafe { count_of(self.body) };
        // INVARIANT: one more owner; it was not zero, since this owner counts.
        //
        // Relaxed: the new owner is made from one that can look at the value already. What it does is ordered before the reclaiming
        // by the Release of its own drop.
        check_count(count.fetch_add(1, Ordering::Relaxed));
        Self { body: self.body, owns: PhantomData, flavour: PhantomData }
    }
}

impl<T: Send + 'static, R: Rcu> Drop for RcuArc<T, R> {
    /// One owner less. The last one retires the value to `R`. Never allocates, never blocks, never runs the destructor of `T`.
    fn drop(&mut self) {
        // SAFETY: by the invariant the body is alive as long as this owner.
        let count = unsafe { count_of(self.body) };
        // Release: partner of the Acquire load below in the last owner's drop.
        if count.fetch_sub(1, Ordering::Release) != 1 {
            return;
        }
        // Acquire: partner of the Release in the drops of all other owners: what they did to the value comes before the retiring,
        // and so before the reclaiming. The load finds the zero that was stored just above, since the count never leaves it, and that
        // is in the release sequence of each of those drops. (A fence would do as well, but ThreadSanitizer knows none.)
        count.load(Ordering::Acquire);
        // SAFETY: the count is zero and stays so, so this is the only call for this body, and nobody takes an owner any more: who
        // still finds the pointer is inside a read section. The link was made from the pointer to the whole body, `reclaim` may run
        // on any thread since `T` is `Send`, and at any later time since `T` is `'static`.
        unsafe { R::retire(self.body.cast()) };
    }
}

impl<T: Send + 'static, R: Rcu> Deref for RcuArc<T, R> {
    type Target = T;

    fn deref(&self) -> &T {
        // SAFETY: by the invariant the body is alive as long as this owner.
        let value = unsafe { value_of(self.body) };
        // SAFETY: by the invariant the value is initialised, and nobody writes to it while there is an owner.
        unsafe { value.as_ref() }
    }
}

impl<T: Send + fmt::Debug + 'static, R: Rcu> fmt::Debug for RcuArc<T, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

impl<T: Send + 'static, R: Rcu> AsRef<T> for RcuArc<T, R> {
    fn as_ref(&self) -> &T {
        self
    }
}
