//! Values whose births and deaths are booked, and one table of entry types that the tests run over.

use std::fmt::Debug;
use std::sync::atomic::{AtomicI64, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use maple_tree::{ArcRef, Entry, Epoch, RcuArc, RcuArcRef, RcuBox, Shared, TryClone, U61};

/// Held by tests that compare process-wide figures, so that no other test of the same process moves them meanwhile.
pub fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The books over a set of values: how often each was made (by a constructor or by `clone`) and dropped.
#[derive(Debug)]
pub struct Ledger {
    born: Vec<AtomicU32>,
    dropped: Vec<AtomicU32>,
    live: AtomicI64,
}

impl Ledger {
    /// Books for values with ids below `slots`; larger ids wrap around.
    pub fn new(slots: usize) -> Arc<Self> {
        let zeros = || (0..slots).map(|_| AtomicU32::new(0)).collect();
        Arc::new(Ledger { born: zeros(), dropped: zeros(), live: AtomicI64::new(0) })
    }

    fn slot(&self, id: u64) -> usize {
        usize::try_from(id % u64::try_from(self.born.len()).expect("a length fits")).expect("below a length")
    }

    /// How often a value with this id was made.
    pub fn born(&self, id: u64) -> u32 {
        self.born[self.slot(id)].load(Ordering::SeqCst)
    }

    /// How often a value with this id was dropped.
    pub fn dropped(&self, id: u64) -> u32 {
        self.dropped[self.slot(id)].load(Ordering::SeqCst)
    }

    /// Values with this id that are alive.
    pub fn alive(&self, id: u64) -> i64 {
        i64::from(self.born(id)) - i64::from(self.dropped(id))
    }

    /// All values that are alive.
    pub fn live(&self) -> i64 {
        self.live.load(Ordering::SeqCst)
    }

    /// Panics unless every value that was made was dropped exactly once.
    #[track_caller]
    pub fn assert_all_dropped(&self) {
        for (id, (born, dropped)) in self.born.iter().zip(&self.dropped).enumerate() {
            let (born, dropped) = (born.load(Ordering::SeqCst), dropped.load(Ordering::SeqCst));
            assert_eq!(born, dropped, "value {id} was made {born} times and dropped {dropped} times");
        }
    }
}

const ALIVE: u64 = 0x600d_600d_600d_600d;
const DEAD: u64 = 0xdead_dead_dead_dead;

/// A value that books its birth and its death, and knows when it is read after it.
pub struct Counted {
    ledger: Arc<Ledger>,
    id: u64,
    canary: AtomicU64,
}

impl Counted {
    /// A new value in the books of `ledger`.
    pub fn new(ledger: &Arc<Ledger>, id: u64) -> Self {
        ledger.born[ledger.slot(id)].fetch_add(1, Ordering::SeqCst);
        ledger.live.fetch_add(1, Ordering::SeqCst);
        Counted { ledger: Arc::clone(ledger), id, canary: AtomicU64::new(ALIVE) }
    }

    /// The id it was made with. Panics if the value was dropped.
    pub fn id(&self) -> u64 {
        assert_eq!(self.canary.load(Ordering::Relaxed), ALIVE, "value {} read after its death", self.id);
        self.id
    }
}

impl Clone for Counted {
    fn clone(&self) -> Self {
        Counted::new(&self.ledger, self.id())
    }
}

impl Debug for Counted {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Counted({})", self.id)
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        // A second drop of the same value would book one death too many, which the books show at the end.
        self.canary.store(DEAD, Ordering::Relaxed);
        self.ledger.dropped[self.ledger.slot(self.id)].fetch_add(1, Ordering::SeqCst);
        self.ledger.live.fetch_sub(1, Ordering::SeqCst);
    }
}

/// One row of the table of entry types.
pub trait Kind: Debug + Copy + Send + Sync + 'static {
    /// The entry type.
    type V: Entry + TryClone + Shared<Epoch> + Sync;
    /// Whether values are booked in the ledger.
    const COUNTED: bool;
    /// Whether `TryClone` makes another value (rather than another owner of the same one).
    const CLONES: bool;
    /// An entry that carries `id`.
    fn make(ledger: &Arc<Ledger>, id: u64) -> Self::V;
    /// The id of an entry in a tree.
    fn id(entry: <Self::V as Entry>::Ref<'_>) -> u64;
    /// The id of an entry outside.
    fn id_of(entry: &Self::V) -> u64;
    /// What tells this entry from an equal one: the address of its value.
    fn address(entry: &Self::V) -> usize;
}

fn address_of<T>(value: &T) -> usize {
    std::ptr::from_ref(value).addr()
}

/// `u32` by value; ids must fit.
#[derive(Debug, Clone, Copy)]
pub struct Ints;
impl Kind for Ints {
    type V = u32;
    const COUNTED: bool = false;
    const CLONES: bool = false;
    fn make(_: &Arc<Ledger>, id: u64) -> u32 {
        u32::try_from(id).expect("ids of this kind are small")
    }
    fn id(entry: u32) -> u64 {
        u64::from(entry)
    }
    fn id_of(entry: &u32) -> u64 {
        u64::from(*entry)
    }
    fn address(entry: &u32) -> usize {
        usize::try_from(*entry).expect("a word holds it")
    }
}

/// `U61` by value: a whole tag in the slot.
#[derive(Debug, Clone, Copy)]
pub struct Words;
impl Kind for Words {
    type V = U61;
    const COUNTED: bool = false;
    const CLONES: bool = false;
    fn make(_: &Arc<Ledger>, id: u64) -> U61 {
        U61::new(id).expect("ids have at most 61 bits")
    }
    fn id(entry: U61) -> u64 {
        entry.get()
    }
    fn id_of(entry: &U61) -> u64 {
        entry.get()
    }
    fn address(entry: &U61) -> usize {
        usize::try_from(entry.get()).expect("a word holds it")
    }
}

/// `Arc`: shared owner, without a link of its own.
#[derive(Debug, Clone, Copy)]
pub struct Arcs;
impl Kind for Arcs {
    type V = Arc<Counted>;
    const COUNTED: bool = true;
    const CLONES: bool = false;
    fn make(ledger: &Arc<Ledger>, id: u64) -> Arc<Counted> {
        Arc::new(Counted::new(ledger, id))
    }
    fn id(entry: ArcRef<'_, Counted>) -> u64 {
        entry.get().id()
    }
    fn id_of(entry: &Arc<Counted>) -> u64 {
        entry.id()
    }
    fn address(entry: &Arc<Counted>) -> usize {
        address_of(&**entry)
    }
}

/// `Box`: sole owner, without a link of its own.
#[derive(Debug, Clone, Copy)]
pub struct Boxes;
impl Kind for Boxes {
    type V = Box<Counted>;
    const COUNTED: bool = true;
    const CLONES: bool = true;
    fn make(ledger: &Arc<Ledger>, id: u64) -> Box<Counted> {
        Box::new(Counted::new(ledger, id))
    }
    fn id(entry: &Counted) -> u64 {
        entry.id()
    }
    fn id_of(entry: &Box<Counted>) -> u64 {
        entry.id()
    }
    fn address(entry: &Box<Counted>) -> usize {
        address_of(&**entry)
    }
}

/// `RcuBox`: sole owner, with a link.
#[derive(Debug, Clone, Copy)]
pub struct RcuBoxes;
impl Kind for RcuBoxes {
    type V = RcuBox<Counted>;
    const COUNTED: bool = true;
    const CLONES: bool = true;
    fn make(ledger: &Arc<Ledger>, id: u64) -> RcuBox<Counted> {
        RcuBox::try_new(Counted::new(ledger, id)).expect("memory for a test value")
    }
    fn id(entry: &Counted) -> u64 {
        entry.id()
    }
    fn id_of(entry: &RcuBox<Counted>) -> u64 {
        entry.id()
    }
    fn address(entry: &RcuBox<Counted>) -> usize {
        address_of(&**entry)
    }
}

/// `RcuArc`: shared owner, with a link; its last owner hands it to the flavour.
#[derive(Debug, Clone, Copy)]
pub struct RcuArcs;
impl Kind for RcuArcs {
    type V = RcuArc<Counted>;
    const COUNTED: bool = true;
    const CLONES: bool = false;
    fn make(ledger: &Arc<Ledger>, id: u64) -> RcuArc<Counted> {
        RcuArc::try_new(Counted::new(ledger, id)).expect("memory for a test value")
    }
    fn id(entry: RcuArcRef<'_, Counted, Epoch>) -> u64 {
        entry.get().id()
    }
    fn id_of(entry: &RcuArc<Counted>) -> u64 {
        entry.id()
    }
    fn address(entry: &RcuArc<Counted>) -> usize {
        address_of(&**entry)
    }
}
