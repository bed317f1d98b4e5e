//! What can be stored: pointer-sized entries.

use alloc::alloc::{alloc, dealloc};
use alloc::boxed::Box;
use alloc::sync::Arc;
use core::alloc::Layout;
use core::fmt;
use core::marker::PhantomData;
use core::ops::Deref;
use core::ptr::{self, NonNull};
use maple_rcu::{AllocError, Link, Rcu, RcuArc, RcuBox};

/// How an entry that was removed beside readers is kept until a grace period has passed.
///
/// ```
/// use maple_tree::{Entry, RcuBox, Release};
///
/// assert_eq!(<u32 as Entry>::RELEASE, Release::Now);
/// assert_eq!(<RcuBox<u64> as Entry>::RELEASE, Release::Link);
/// assert_eq!(<Box<u64> as Entry>::RELEASE, Release::Slot);
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Release {
    /// It may be dropped at once: it owns nothing that a reader borrows, or its own drop waits for readers.
    Now,
    /// It has an intrusive link of its own and goes on the flavour's list of retired objects.
    Link,
    /// The slot it was stored in carries it, marked dead, until a grace period has passed.
    Slot,
}

/// A pointer-sized entry of a tree.
///
/// A slot is one word, so that it can be read and replaced atomically. What fits:
///
/// | entry | [`Ref`](Entry::Ref) | removed beside readers |
/// |---|---|---|
/// | [`RcuBox<T>`], [`RcuArc<T>`] | `&T`, [`RcuArcRef`] | remembered through a link of their own |
/// | `Box<T>`, `Arc<T>` | `&T`, [`ArcRef`] | stay in their slot, marked dead |
/// | `&'static T` | `&'static T` | nothing to release |
/// | `u8`, `u16`, `u32`, `i8`, `i16`, `i32`, `bool`, `char`: every value | itself | nothing to release |
/// | [`U61`]: 0 to 2^61 - 1 | itself | nothing to release |
/// | `()`, for ranges that are there or not | itself | nothing to release |
///
/// `T` behind `Box`, `Arc` and `&'static` needs an alignment of 4 bytes or more (two tag bits); a smaller one does not compile.
///
/// # Safety
///
/// * `into_raw` gives a pointer whose two low bits are clear, and `from_raw` of it gives the same value back.
/// * `borrow` of a pointer from `into_raw` is valid until `from_raw` is called on it, also when the pointer is moved or shared with
///   other threads as the auto traits of `Self` permit.
/// * [`Release::Now`] is true: dropping the value does not end what `borrow` gave to readers inside a read section.
/// * [`PLAIN`](Entry::PLAIN) is true of the type, if it is set: `from_raw` may be called for each copy of the pointer, and
///   [`TryClone`] would give the same pointer.
/// * With [`Release::Link`], `link` gives a link that may be retired once and that drops the value and frees it.
///
/// ```
/// use maple_tree::Entry;
///
/// let raw = Box::new(7u32).into_raw();
/// // SAFETY: it came from `into_raw` of this type, and nobody took it back.
/// assert_eq!(unsafe { <Box<u32> as Entry>::borrow(raw) }, &7);
/// // SAFETY: as above, and it is taken back once.
/// assert_eq!(unsafe { <Box<u32> as Entry>::from_raw(raw) }, Box::new(7));
/// ```
pub unsafe trait Entry: Sized {
    /// What a reader gets.
    type Ref<'a>: Copy
    where
        Self: 'a;

    /// How a removed entry is kept until readers are gone.
    ///
    /// ```
    /// use maple_tree::{Entry, Release};
    ///
    /// assert_eq!(<char as Entry>::RELEASE, Release::Now);
    /// assert_eq!(<std::sync::Arc<u64> as Entry>::RELEASE, Release::Slot);
    /// ```
    const RELEASE: Release;

    /// Whether an entry is nothing but its pointer: a copy of that is a copy of the entry, and both may be given up. Only with
    /// [`Release::Now`].
    ///
    /// ```
    /// use maple_tree::Entry;
    ///
    /// assert!(<u32 as Entry>::PLAIN && !<Box<u32> as Entry>::PLAIN);
    /// ```
    const PLAIN: bool = false;

    /// Whether giving an entry up does anything at all.
    ///
    /// ```
    /// use maple_tree::Entry;
    ///
    /// assert!(!<char as Entry>::NEEDS_DROP && <Box<u32> as Entry>::NEEDS_DROP);
    /// ```
    const NEEDS_DROP: bool = core::mem::needs_drop::<Self>();

    /// Gives the entry up as a pointer. Constant time; allocates nothing.
    ///
    /// ```
    /// use maple_tree::Entry;
    ///
    /// let raw = 7u8.into_raw();
    /// assert_eq!(raw.addr().get() & 0b11, 0); // room for two tags
    /// ```
    fn into_raw(self) -> NonNull<()>;

    /// Takes it back. Constant time; allocates nothing.
    ///
    /// # Safety
    ///
    /// `raw` came from [`into_raw`](Entry::into_raw), and this is called once for it.
    ///
    /// ```
    /// use maple_tree::Entry;
    ///
    /// let raw = Box::new(7u32).into_raw();
    /// // SAFETY: it came from `into_raw` just above, and is taken back once.
    /// let boxed = unsafe { <Box<u32> as Entry>::from_raw(raw) };
    /// assert_eq!(*boxed, 7);
    /// ```
    unsafe fn from_raw(raw: NonNull<()>) -> Self;

    /// Looks at the entry without taking it. Constant time; allocates nothing.
    ///
    /// # Safety
    ///
    /// `raw` came from [`into_raw`](Entry::into_raw) and is not taken back during `'a`.
    ///
    /// ```
    /// use maple_tree::Entry;
    ///
    /// let raw = Box::new(7u32).into_raw();
    /// // SAFETY: it came from `into_raw` just above, and is taken back only below.
    /// assert_eq!(unsafe { <Box<u32> as Entry>::borrow(raw) }, &7);
    /// # // SAFETY: as above, once.
    /// # drop(unsafe { <Box<u32> as Entry>::from_raw(raw) });
    /// ```
    unsafe fn borrow<'a>(raw: NonNull<()>) -> Self::Ref<'a>
    where
        Self: 'a;

    /// The intrusive link of an entry with [`Release::Link`]; `None` for every other. Constant time; allocates nothing.
    ///
    /// # Safety
    ///
    /// As for [`from_raw`](Entry::from_raw): the link owns the entry from here on.
    ///
    /// ```
    /// use maple_tree::{Entry, RcuBox};
    ///
    /// let raw = RcuBox::try_new(7u32)?.into_raw();
    /// // SAFETY: it came from `into_raw` just above. The link is not used.
    /// assert!(unsafe { <RcuBox<u32> as Entry>::link(raw) }.is_some());
    /// // SAFETY: as above; a `char` has none.
    /// assert!(unsafe { <char as Entry>::link('a'.into_raw()) }.is_none());
    /// # // SAFETY: as above, once.
    /// # drop(unsafe { <RcuBox<u32> as Entry>::from_raw(raw) });
    /// # Ok::<(), maple_tree::AllocError<u32>>(())
    /// ```
    unsafe fn link(raw: NonNull<()>) -> Option<NonNull<Link>> {
        let _ = raw;
        None
    }
}

/// Entries that may be stored beside readers of the flavour `R`.
///
/// # Safety
///
/// An entry whose drop retires to a flavour (as [`RcuArc`] does) implements this for that flavour only.
///
/// ```
/// use maple_tree::{Epoch, InsertError, MapleTree, Shared};
///
/// fn everywhere<V: Shared<Epoch>>(value: V) -> Result<MapleTree<V>, InsertError<V>> {
///     let tree = MapleTree::new();
///     tree.insert(.., value)?;
///     Ok(tree)
/// }
/// let tree = everywhere('a')?;
/// assert_eq!(tree.get(5, &tree.pin()), Some('a'));
/// # Ok::<(), InsertError<char>>(())
/// ```
pub unsafe trait Shared<R: Rcu>: Entry + Send + 'static {}

/// A copy of an entry that is refused, not aborted, when memory is short. Needed wherever a range may be split in two.
///
/// It is made from what readers get ([`Entry::Ref`]), because readers may be looking at the original.
///
/// ```
/// use maple_tree::TryClone;
///
/// assert_eq!(<Box<u32> as TryClone>::try_clone(&7), Ok(Box::new(7)));
/// ```
pub trait TryClone: Entry {
    /// Makes the copy. A `Box` allocates once, and its value is cloned; nothing else here allocates.
    ///
    /// # Errors
    ///
    /// When the allocator gives no memory.
    ///
    /// ```
    /// use maple_tree::TryClone;
    ///
    /// assert_eq!(<u32 as TryClone>::try_clone(7), Ok(7));
    /// assert_eq!(<Box<[u32; 2]> as TryClone>::try_clone(&[1, 2]), Ok(Box::new([1, 2])));
    /// ```
    fn try_clone(entry: Self::Ref<'_>) -> Result<Self, AllocError>;
}

/// What the engine, which knows nothing of the entry's type, needs to know of it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Kind {
    pub(crate) carried_by_slot: bool,
    pub(crate) needs_drop: bool,
    /// # Safety: as for `Entry::from_raw`.
    drop: unsafe fn(NonNull<()>),
}

impl Kind {
    pub(crate) const fn of<V: Entry>() -> Self {
        /// # Safety
        ///
        /// As for [`Entry::from_raw`].
        unsafe fn drop_raw<V: Entry>(raw: NonNull<()>) {
            // SAFETY: the caller's promise.
            drop(unsafe { V::from_raw(raw) });
        }
        Self { carried_by_slot: matches!(V::RELEASE, Release::Slot), needs_drop: V::NEEDS_DROP, drop: drop_raw::<V> }
    }

    /// Drops an entry.
    ///
    /// # Safety
    ///
    /// As for [`Entry::from_raw`], for an entry of this kind.
    pub(crate) unsafe fn drop(&self, raw: NonNull<()>) {
        if self.needs_drop {
            // SAFETY: the caller's promise.
            unsafe { (self.drop)(raw) };
        }
    }
}

/// Copies the entry behind `raw`.
///
/// # Safety
///
/// As for [`Entry::borrow`], for the time of the call.
pub(crate) unsafe fn try_clone_raw<V: TryClone>(raw: NonNull<()>) -> Result<NonNull<()>, AllocError> {
    // SAFETY: the caller's promise.
    Ok(V::try_clone(unsafe { V::borrow(raw) })?.into_raw())
}

const fn assert_tag_bits<T>() {
    assert!(align_of::<T>() >= 4, "an entry's target needs an alignment of at least 4 bytes (two tag bits)");
}

// SAFETY: a box is a pointer to an aligned value that is freed by dropping the box only.
unsafe impl<T> Entry for Box<T> {
    type Ref<'a>
        = &'a T
    where
        T: 'a;
    const RELEASE: Release = Release::Slot;

    fn into_raw(self) -> NonNull<()> {
        const { assert_tag_bits::<T>() };
        NonNull::from(Box::leak(self)).cast()
    }

    unsafe fn from_raw(raw: NonNull<()>) -> Self {
        // SAFETY: the caller's promise.
        unsafe { Box::from_raw(raw.cast().as_ptr()) }
    }

    unsafe fn borrow<'a>(raw: NonNull<()>) -> &'a T
    where
        T: 'a,
    {
        // SAFETY: the caller's promise.
        unsafe { raw.cast().as_ref() }
    }
}

// SAFETY: nothing here retires to a flavour.
unsafe impl<T: Send + 'static, R: Rcu> Shared<R> for Box<T> {}

impl<T: Clone> TryClone for Box<T> {
    /// Allocates by itself, so that a refused allocation is an error. (What `T::clone` does is `T`'s.)
    fn try_clone(entry: &T) -> Result<Self, AllocError> {
        if size_of::<T>() == 0 {
            // A box of a value without a size allocates nothing.
            return Ok(Box::new(entry.clone()));
        }
        let layout = Layout::new::<T>();
        // SAFETY: the size is not zero.
        let memory = unsafe { alloc(layout) };
        let memory = NonNull::new(memory).ok_or(AllocError(()))?;
        /// Gives the memory back if `T::clone` panics.
        struct Unused(NonNull<u8>, Layout);
        impl Drop for Unused {
            fn drop(&mut self) {
                // SAFETY: allocated above with this layout, and not made a box of.
                unsafe { dealloc(self.0.as_ptr(), self.1) };
            }
        }
        let unused = Unused(memory, layout);
        let value = entry.clone();
        core::mem::forget(unused);
        let memory = memory.cast::<T>();
        // SAFETY: fresh memory of the right layout.
        unsafe { memory.write(value) };
        // SAFETY: allocated by the global allocator with the layout of `T` and just initialised.
        Ok(unsafe { Box::from_raw(memory.as_ptr()) })
    }
}

/// What a reader gets of an `Arc<T>`: the value, and the means to keep it past the read section.
///
/// ```
/// let tree = maple_tree::MapleTree::new();
/// tree.store(10..20, std::sync::Arc::new(7u32))?;
/// let guard = tree.pin();
/// let lent = tree.get(15, &guard).expect("just stored");
/// let kept = lent.to_arc();
/// drop(guard);
/// assert_eq!(*kept, 7);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Invariants
///
/// The pointer came from `Arc::into_raw`, and the tree's count is held during `'a`.
pub struct ArcRef<'a, T> {
    raw: NonNull<T>,
    arc: PhantomData<&'a Arc<T>>,
}

// SAFETY: it is a shared reference to an `Arc`, which can be cloned and dropped elsewhere.
unsafe impl<T: Send + Sync> Send for ArcRef<'_, T> {}
// SAFETY: as above.
unsafe impl<T: Send + Sync> Sync for ArcRef<'_, T> {}

impl<T: fmt::Debug> fmt::Debug for ArcRef<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.get().fmt(f)
    }
}

impl<T> Clone for ArcRef<'_, T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for ArcRef<'_, T> {}

impl<'a, T> ArcRef<'a, T> {
    /// The value, for as long as the read section and the tree's borrow last. Constant time.
    ///
    /// ```
    /// let tree = maple_tree::MapleTree::new();
    /// tree.store(10..20, std::sync::Arc::new(7u32))?;
    /// let guard = tree.pin();
    /// let lent = tree.get(15, &guard).expect("just stored");
    /// assert_eq!(lent.get(), &7);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn get(self) -> &'a T {
        // SAFETY: by the invariant of the type the value lives during `'a`.
        unsafe { self.raw.as_ref() }
    }

    /// A counted reference that outlives the read section. Constant time.
    ///
    /// ```
    /// let tree = maple_tree::MapleTree::new();
    /// tree.store(10..20, std::sync::Arc::new(7u32))?;
    /// let guard = tree.pin();
    /// let lent = tree.get(15, &guard).expect("just stored");
    /// let kept: std::sync::Arc<u32> = lent.to_arc();
    /// assert_eq!(std::sync::Arc::strong_count(&kept), 2);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn to_arc(self) -> Arc<T> {
        // SAFETY: by the invariant of the type it came from `Arc::into_raw` and a count is held.
        unsafe { Arc::increment_strong_count(self.raw.as_ptr()) };
        // SAFETY: the count that was just added is the one this takes.
        unsafe { Arc::from_raw(self.raw.as_ptr()) }
    }
}

impl<T> Deref for ArcRef<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        self.get()
    }
}

// SAFETY: an arc is a pointer to an aligned value that lives as long as the count it stands for. The slot carries that count through
// the grace period, so what readers borrowed stays.
unsafe impl<T> Entry for Arc<T> {
    type Ref<'a>
        = ArcRef<'a, T>
    where
        T: 'a;
    const RELEASE: Release = Release::Slot;

    fn into_raw(self) -> NonNull<()> {
        const { assert_tag_bits::<T>() };
        let raw = Arc::into_raw(self).cast_mut().cast();
        // SAFETY: `Arc::into_raw` is never null.
        unsafe { NonNull::new_unchecked(raw) }
    }

    unsafe fn from_raw(raw: NonNull<()>) -> Self {
        // SAFETY: the caller's promise.
        unsafe { Arc::from_raw(raw.cast().as_ptr()) }
    }

    unsafe fn borrow<'a>(raw: NonNull<()>) -> ArcRef<'a, T>
    where
        T: 'a,
    {
        // INVARIANT: the pointer came from `into_raw`, and the caller promises that it is not taken back.
        ArcRef { raw: raw.cast(), arc: PhantomData }
    }
}

// SAFETY: nothing here retires to a flavour.
unsafe impl<T: Send + Sync + 'static, R: Rcu> Shared<R> for Arc<T> {}

impl<T> TryClone for Arc<T> {
    fn try_clone(entry: ArcRef<'_, T>) -> Result<Self, AllocError> {
        Ok(entry.to_arc())
    }
}

// SAFETY: a shared reference that is valid for ever; dropping it does nothing.
unsafe impl<T: Sync + 'static> Entry for &'static T {
    type Ref<'a> = &'static T;
    const RELEASE: Release = Release::Now;
    const PLAIN: bool = true;

    fn into_raw(self) -> NonNull<()> {
        const { assert_tag_bits::<T>() };
        NonNull::from(self).cast()
    }

    unsafe fn from_raw(raw: NonNull<()>) -> Self {
        // SAFETY: it came from such a reference.
        unsafe { raw.cast().as_ref() }
    }

    unsafe fn borrow<'a>(raw: NonNull<()>) -> &'static T
    where
        Self: 'a,
    {
        // SAFETY: it came from such a reference.
        unsafe { raw.cast().as_ref() }
    }
}

// SAFETY: nothing here retires to a flavour.
unsafe impl<T: Sync + 'static, R: Rcu> Shared<R> for &'static T {}

impl<T: Sync + 'static> TryClone for &'static T {
    fn try_clone(entry: &'static T) -> Result<Self, AllocError> {
        Ok(entry)
    }
}

// SAFETY: the pointer is that of the box's head, which is aligned to a pointer and freed by the box or its link only.
unsafe impl<T> Entry for RcuBox<T> {
    type Ref<'a>
        = &'a T
    where
        T: 'a;
    const RELEASE: Release = Release::Link;

    fn into_raw(self) -> NonNull<()> {
        RcuBox::into_raw(self)
    }

    unsafe fn from_raw(raw: NonNull<()>) -> Self {
        // SAFETY: the caller's promise.
        unsafe { RcuBox::from_raw(raw) }
    }

    unsafe fn borrow<'a>(raw: NonNull<()>) -> &'a T
    where
        T: 'a,
    {
        // SAFETY: the caller's promise.
        unsafe { RcuBox::raw_value(raw) }
    }

    unsafe fn link(raw: NonNull<()>) -> Option<NonNull<Link>> {
        // SAFETY: the caller's promise.
        Some(unsafe { RcuBox::<T>::raw_link(raw) })
    }
}

// SAFETY: the tree retires the box to its own flavour, whichever that is.
unsafe impl<T: Send + 'static, R: Rcu> Shared<R> for RcuBox<T> {}

impl<T: Clone> TryClone for RcuBox<T> {
    fn try_clone(entry: &T) -> Result<Self, AllocError> {
        RcuBox::try_new(entry.clone()).map_err(|_| AllocError(()))
    }
}

/// What a reader gets of an [`RcuArc<T>`]: the value, and the means to keep it past the read section.
///
/// ```
/// let tree = maple_tree::MapleTree::new();
/// tree.store(10..20, maple_tree::RcuArc::try_new(7u32)?)?;
/// let guard = tree.pin();
/// let lent = tree.get(15, &guard).expect("just stored");
/// let kept = lent.upgrade().expect("the tree counts it");
/// drop(guard);
/// assert_eq!(*kept, 7);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Invariants
///
/// `raw` came from [`RcuArc::into_raw`] and `value` is what it points at. The object is not freed during `'a`, whatever its count: an owner stays
/// that long, or a read section of `R` does that began before the last one let go.
pub struct RcuArcRef<'a, T: Send + Sync + 'static, R: Rcu> {
    raw: NonNull<()>,
    value: &'a T,
    flavour: PhantomData<fn() -> R>,
}

// SAFETY: it is a shared reference to a value that is `Sync`, and can become an `RcuArc`, which is `Send` and `Sync`.
unsafe impl<T: Send + Sync + 'static, R: Rcu> Send for RcuArcRef<'_, T, R> {}
// SAFETY: as above.
unsafe impl<T: Send + Sync + 'static, R: Rcu> Sync for RcuArcRef<'_, T, R> {}

impl<T: Send + Sync + 'static + fmt::Debug, R: Rcu> fmt::Debug for RcuArcRef<'_, T, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.value.fmt(f)
    }
}

impl<T: Send + Sync + 'static, R: Rcu> Clone for RcuArcRef<'_, T, R> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T: Send + Sync + 'static, R: Rcu> Copy for RcuArcRef<'_, T, R> {}

impl<'a, T: Send + Sync + 'static, R: Rcu> RcuArcRef<'a, T, R> {
    /// The value, for as long as the read section and the tree's borrow last. Constant time.
    ///
    /// ```
    /// let tree = maple_tree::MapleTree::new();
    /// tree.store(10..20, maple_tree::RcuArc::try_new(7u32)?)?;
    /// let guard = tree.pin();
    /// let lent = tree.get(15, &guard).expect("just stored");
    /// assert_eq!(lent.get(), &7);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn get(self) -> &'a T {
        self.value
    }

    /// A counted reference that outlives the read section; `None` when the last owner has let go since it was looked up. Constant time.
    ///
    /// ```
    /// let tree = maple_tree::MapleTree::new();
    /// tree.store(10..20, maple_tree::RcuArc::try_new(7u32)?)?;
    /// let guard = tree.pin();
    /// let lent = tree.get(15, &guard).expect("just stored");
    /// assert!(lent.upgrade().is_some());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn upgrade(self) -> Option<RcuArc<T, R>> {
        // SAFETY: by the invariant of the type the object is not freed during the call.
        unsafe { RcuArc::raw_try_clone(self.raw) }
    }
}

impl<T: Send + Sync + 'static, R: Rcu> Deref for RcuArcRef<'_, T, R> {
    type Target = T;

    fn deref(&self) -> &T {
        self.value
    }
}

// SAFETY: the pointer is that of the object's head, aligned to a pointer. Its last drop retires it to `R`, so dropping a count at
// once does not end what readers inside a read section of `R` borrowed.
unsafe impl<T: Send + Sync + 'static, R: Rcu> Entry for RcuArc<T, R> {
    type Ref<'a> = RcuArcRef<'a, T, R>;
    const RELEASE: Release = Release::Now;

    fn into_raw(self) -> NonNull<()> {
        RcuArc::into_raw(self)
    }

    unsafe fn from_raw(raw: NonNull<()>) -> Self {
        // SAFETY: the caller's promise.
        unsafe { RcuArc::from_raw(raw) }
    }

    unsafe fn borrow<'a>(raw: NonNull<()>) -> RcuArcRef<'a, T, R>
    where
        Self: 'a,
    {
        // SAFETY: the caller's promise.
        let value = unsafe { RcuArc::<T, R>::raw_value(raw) };
        // INVARIANT: the pointer came from `into_raw`, and the caller promises that it is not taken back; nor does a drop end what was
        // borrowed inside a read section.
        RcuArcRef { raw, value, flavour: PhantomData }
    }
}

// SAFETY: implemented for the flavour it retires to, and no other.
unsafe impl<T: Send + Sync + 'static, R: Rcu> Shared<R> for RcuArc<T, R> {}

impl<T: Send + Sync + 'static, R: Rcu> TryClone for RcuArc<T, R> {
    /// Allocates nothing. (The tree holds a count, so there is one to add to.)
    fn try_clone(entry: RcuArcRef<'_, T, R>) -> Result<Self, AllocError> {
        entry.upgrade().ok_or(AllocError(()))
    }
}

/// An integer of 61 bits: the largest that fits a slot beside its tags.
///
/// ```
/// use maple_tree::U61;
///
/// assert_eq!(U61::new((1 << 61) - 1).map(U61::get), Some((1 << 61) - 1));
/// assert_eq!(U61::new(1 << 61), None);
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Debug)]
pub struct U61(u64);

impl U61 {
    /// The largest value, 2^61 - 1.
    ///
    /// ```
    /// use maple_tree::U61;
    ///
    /// assert_eq!(U61::new(U61::MAX.get()), Some(U61::MAX));
    /// assert_eq!(U61::new(U61::MAX.get() + 1), None);
    /// ```
    pub const MAX: Self = Self((1 << 61) - 1);

    /// `value` if it fits, that is, up to [`U61::MAX`]. Constant time.
    ///
    /// ```
    /// assert_eq!(maple_tree::U61::new(7).map(maple_tree::U61::get), Some(7));
    /// assert_eq!(maple_tree::U61::new(u64::MAX), None);
    /// ```
    pub const fn new(value: u64) -> Option<Self> {
        if value <= Self::MAX.0 { Some(Self(value)) } else { None }
    }

    /// The value. Constant time.
    ///
    /// ```
    /// assert_eq!(maple_tree::U61::MAX.get(), (1 << 61) - 1);
    /// ```
    pub const fn get(self) -> u64 {
        self.0
    }
}

/// An integer as a pointer that is never followed: shifted past the two tag bits and a bit that keeps it from being null.
fn integer_to_raw(bits: u64) -> NonNull<()> {
    let addr = (bits << 3 | 0b100) as usize;
    // SAFETY: bit 2 is set.
    unsafe { NonNull::new_unchecked(ptr::without_provenance_mut(addr)) }
}

fn integer_from_raw(raw: NonNull<()>) -> u64 {
    raw.addr().get() as u64 >> 3
}

macro_rules! integer_entries {
    ($($type:ty: $to:expr, $from:expr;)*) => {$(
        // SAFETY: the value itself is the pointer, with its two low bits clear; there is nothing to release.
        unsafe impl Entry for $type {
            type Ref<'a> = $type;
            const RELEASE: Release = Release::Now;
            const PLAIN: bool = true;

            fn into_raw(self) -> NonNull<()> {
                integer_to_raw($to(self))
            }

            unsafe fn from_raw(raw: NonNull<()>) -> Self {
                $from(integer_from_raw(raw))
            }

            unsafe fn borrow<'a>(raw: NonNull<()>) -> $type
            where
                Self: 'a,
            {
                $from(integer_from_raw(raw))
            }
        }

        // SAFETY: nothing here retires to a flavour.
        unsafe impl<R: Rcu> Shared<R> for $type {}

        impl TryClone for $type {
            fn try_clone(entry: $type) -> Result<Self, AllocError> {
                Ok(entry)
            }
        }
    )*};
}

integer_entries! {
    (): |()| 0, |_| ();
    u8: u64::from, |bits| bits as u8;
    u16: u64::from, |bits| bits as u16;
    u32: u64::from, |bits| bits as u32;
    i8: |value: i8| u64::from(value as u8), |bits| bits as i8;
    i16: |value: i16| u64::from(value as u16), |bits| bits as i16;
    i32: |value: i32| u64::from(value as u32), |bits| bits as i32;
    bool: u64::from, |bits| bits != 0;
    char: |value: char| u64::from(u32::from(value)), |bits| char::from_u32(bits as u32).unwrap_or(char::REPLACEMENT_CHARACTER);
    U61: U61::get, U61;
}

#[cfg(test)]
mod tests {
    use super::*;

    fn round_trip<V: Entry + PartialEq + fmt::Debug + Copy>(values: &[V]) {
        for value in values {
            let raw = value.into_raw();
            assert_eq!(raw.addr().get() & 3, 0, "{value:?}: tag bits");
            // SAFETY: from `into_raw` just above.
            assert_eq!(unsafe { V::from_raw(raw) }, *value);
        }
    }

    #[test]
    fn integers_survive_the_slot() {
        round_trip(&[0u8, 1, u8::MAX]);
        round_trip(&[0u16, 1, u16::MAX]);
        round_trip(&[0u32, 1, u32::MAX]);
        round_trip(&[0i8, -1, i8::MIN, i8::MAX]);
        round_trip(&[0i16, -1, i16::MIN, i16::MAX]);
        round_trip(&[0i32, -1, i32::MIN, i32::MAX]);
        round_trip(&[()]);
        round_trip(&[false, true]);
        round_trip(&['\0', 'a', char::MAX]);
        round_trip(&[U61::default(), U61::MAX]);
    }

    #[test]
    fn an_arc_can_be_kept_past_its_borrow() {
        let arc = Arc::new(5u64);
        let raw = Entry::into_raw(Arc::clone(&arc));
        // SAFETY: not taken back before the last use.
        let kept = unsafe { <Arc<u64> as Entry>::borrow(raw) }.to_arc();
        // SAFETY: from `into_raw` above, once.
        drop(unsafe { <Arc<u64> as Entry>::from_raw(raw) });
        assert!(Arc::ptr_eq(&arc, &kept));
        assert_eq!(Arc::strong_count(&arc), 2);
    }
}
