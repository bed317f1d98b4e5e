//! Pruning: everything from a border on goes, in time proportional to the height of the tree.
//!
//! ```text
//!                 [ . | . | * | x ]          *  the path to the border      x  falls, whole sub-trees at once
//!                          |
//!                 [ . | * | x | x ]          exclusive: the nodes on the path are cut short where they lie
//!                      |                     path copy: new, shorter nodes; one store makes the whole tail vanish
//!                 [ . | . | x | x ]          in place:  every x is killed by a store, from the top
//! ```
//!
//! The path becomes the right edge of the tree, so its nodes simply cover everything up to `u64::MAX`.

use crate::list::{FreeList, Limbo, Remains};
use crate::node::{MAX_LEVELS, NodeRef, SLOTS, Word};
use crate::path::{Frame, Path};
use crate::reserve::Source;
use crate::run::Run;
use crate::tree_mut::{Memory, Mode, TreeMut};
use arrayvec::ArrayVec;
use core::ptr::NonNull;

/// How a prune beside readers was done.
///
/// ```
/// use maple_tree::{MapleTree, PruneForm};
///
/// let tree = MapleTree::new();
/// tree.store(10..20, 'a')?;
/// assert_eq!(tree.prune_in_place(10).form, PruneForm::InPlace);
/// assert_eq!(tree.prune(10).form, PruneForm::Nothing);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum PruneForm {
    /// There was nothing at or after the border.
    Nothing,
    /// The path to the border was copied (or was not needed at all), and one store made the whole tail vanish.
    PathCopy,
    /// The tail was killed slot by slot, from the top.
    InPlace,
}

/// What a prune beside readers did.
///
/// ```
/// let tree = maple_tree::MapleTree::new();
/// for page in 0..1000u64 {
///     tree.store(page..=page, 7u32)?;
/// }
/// let pruned = tree.prune(500);
/// assert!(pruned.nodes_taken <= tree.figures().height);
/// assert!(pruned.nodes_retired >= pruned.nodes_taken);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Pruned {
    /// The form that was chosen.
    pub form: PruneForm,
    /// Nodes taken from what the tree had at hand, or from the reserve: at most one a level.
    pub nodes_taken: usize,
    /// Nodes that were replaced, and wait for a grace period. What hangs below them is not counted.
    pub nodes_retired: usize,
    /// Slots that were overwritten in place: at most 15 a level, and none that a reader depends on for another form than `InPlace`.
    pub slot_stores: usize,
}

impl Pruned {
    pub(crate) const NOTHING: Self = Self { form: PruneForm::Nothing, nodes_taken: 0, nodes_retired: 0, slot_stores: 0 };
}

/// Why a prune was not done by path copy.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum NoPath {
    /// Too few nodes; in place will do.
    TooFewNodes,
    /// Too few nodes, and the border cuts the entry with this range.
    WouldCut(u64, u64),
}

/// What becomes of one node on the path.
#[derive(Clone, Copy, Debug)]
struct Step {
    frame: Frame,
    level: usize,
    /// Slots that stay.
    keep: usize,
    /// A gap comes behind them.
    gap: bool,
    /// The last slot that stays ends here instead of where it did.
    cut: Option<u64>,
    /// The first slot that falls.
    falls: usize,
    /// Whether the node changes at all; else it is copied only because its child is.
    changes: bool,
}

/// What a level tells the one above it.
#[derive(Clone, Copy, Debug)]
enum Below {
    /// The slot of the path is to be a gap.
    Gap,
    /// The child is as it was.
    Same,
    /// The child changes.
    Changed,
    /// The child is as it was but is to end earlier: it has no slot left for a gap.
    Cut(u64),
}

/// The nodes on the path that are to be changed, from the lowest up, and what is to become of the root.
#[derive(Debug)]
struct Plan {
    steps: ArrayVec<Step, MAX_LEVELS>,
    root: Below,
}

impl Plan {
    /// Everything from `from` on is to go. `cut`: `from` lies inside an entry, which is to end before it.
    fn new(path: &Path, from: u64, cut: bool) -> Self {
        let mut steps = ArrayVec::<Step, MAX_LEVELS>::new();
        let mut below = if cut { Below::Cut(from - 1) } else { Below::Gap };
        for (level, frame) in path.steps().rev() {
            let len = frame.node.len();
            let slot = frame.slot;
            let behind = frame.live(slot + 1..len).next().is_some();
            let stays = Step { frame: *frame, level, keep: slot + 1, gap: false, cut: None, falls: slot + 1, changes: true };
            let step = match below {
                Below::Gap if !behind && !frame.word().is_live() => None,
                Below::Gap => {
                    let keep = (0..slot).rev().find(|slot| frame.node.own_slot(*slot).is_live()).map_or(0, |slot| slot + 1);
                    if keep == 0 {
                        // Nothing stays; the parent drops the node whole.
                        continue;
                    }
                    Some(Step { keep, gap: true, falls: slot, ..stays })
                }
                Below::Cut(_) if slot + 1 == SLOTS => continue,
                Below::Cut(at) => Some(Step { gap: true, cut: Some(at), ..stays }),
                Below::Same | Below::Changed if behind => Some(stays),
                Below::Same => None,
                Below::Changed => Some(Step { keep: len, falls: len, changes: false, ..stays }),
            };
            below = if step.is_some() { Below::Changed } else { Below::Same };
            steps.extend(step);
        }
        // Above the highest node that really changes, one store will do.
        while steps.last().is_some_and(|step| !step.changes) {
            steps.pop();
        }
        Self { steps, root: below }
    }
}

impl TreeMut<'_> {
    /// Where a prune at `from` really begins, with the path to it: unless entries are cut, behind an entry that covers `from` but starts
    /// before it. `None`: nothing starts there or later.
    fn border(&self, from: u64, may_cut: bool) -> Option<(u64, Path)> {
        let path = Path::to(self.root.load(), from);
        match path.entry() {
            Some(frame) if !may_cut && frame.first() < from => {
                let behind = frame.last().checked_add(1)?;
                Some((behind, Path::to(self.root.load(), behind)))
            }
            _ => Some((from, path)),
        }
    }

    /// The range of the entry that a cut at `from` would go through.
    fn cut_through(path: &Path, from: u64) -> Option<(u64, u64)> {
        path.entry().map(|frame| (frame.first(), frame.last())).filter(|(first, _)| *first < from)
    }

    /// Exclusive form: moves what is at or after `from` to `tail` and `entries`. An entry that covers `from` is cut or stays whole.
    ///
    /// # Errors
    ///
    /// The entry that would have to be cut, when that needs a node and there is none: only when it ends at `u64::MAX` and every node
    /// on the right edge is full. Nothing is changed then.
    pub(crate) fn prune_exclusive(
        &mut self,
        from: u64,
        may_cut: bool,
        tail: &mut Limbo,
        mut entry: impl FnMut(NonNull<()>),
    ) -> Result<(), (u64, u64)> {
        debug_assert_eq!(self.mode, Mode::Exclusive);
        // These were last touched when the copy was made; now they come near while the border is looked for.
        self.owner.stock.approach(self.root.load().map_or(0, |(_, top)| top));
        self.forget();
        self.touch(from, u64::MAX);
        let Some((from, path)) = self.border(from, may_cut) else {
            return Ok(());
        };
        let Some((root, top)) = self.root.load() else {
            return Ok(());
        };
        let cut = Self::cut_through(&path, from);
        let plan = Plan::new(&path, from, cut.is_some());
        match plan.root {
            Below::Gap => {
                self.root.publish(None);
                tail.push(root, top, Remains::Tree);
                return Ok(());
            }
            Below::Cut(at) => {
                let mut source = self.source(Memory::Earmark);
                let taken = self.owner.stock.take(&mut source, 1);
                self.close(source);
                let node = taken.map_err(|_| cut.unwrap_or((from, from)))?;
                self.owner.nodes_taken += 1;
                // SAFETY: a node that nobody can reach yet.
                unsafe { node.fill(&[at, u64::MAX], &[root.word(), Word::EMPTY]) };
                self.root.publish(Some((node, top + 1)));
                return Ok(());
            }
            Below::Same | Below::Changed => {}
        }
        let mut source = Source::Own;
        for step in plan.steps.iter().filter(|step| step.changes) {
            let node = step.frame.node;
            let falls = step.falls..node.len();
            if step.level == 0 {
                step.frame.live(falls).filter_map(Word::target).for_each(&mut entry);
            } else if falls.len() > 1
                && let Ok(holder) = self.owner.stock.take(&mut source, 1)
            {
                // A node at hand holds the children, so that none of them, which nobody looked at for long, has to be brought near.
                let (_, words) = node.contents();
                // SAFETY: a node that nobody can reach.
                unsafe { holder.fill_slots(&words[falls]) };
                tail.push(holder, step.level, Remains::Tree);
            } else {
                for child in step.frame.live(falls).filter_map(Word::target) {
                    // SAFETY: a live word of an inner slot is a child.
                    tail.push(unsafe { NodeRef::from_target(child) }, step.level - 1, Remains::Tree);
                }
            }
            self.touch_node(node, step.level);
            if let Some(at) = step.cut {
                // SAFETY: exclusive access.
                unsafe { node.set_pivot(step.keep - 1, at) };
            }
            let last = if step.gap { step.keep } else { step.keep - 1 };
            // SAFETY: exclusive access.
            unsafe { node.truncate(last) };
            if step.gap {
                node.publish(last, Word::EMPTY);
            }
        }
        self.close(source);
        self.lower_root();
        Ok(())
    }

    /// While the root has a single child, makes that the root. Exclusive access only.
    pub(crate) fn lower_root(&mut self) {
        while let Some((root, level)) = self.root.load()
            && level > 0
            && root.len() == 1
            && let Some(child) = root.own_slot(0).target()
        {
            // SAFETY: a live word of an inner slot is a child.
            self.root.publish(Some((unsafe { NodeRef::from_target(child) }, level - 1)));
            self.owner.stock.put_with_companion(root);
        }
    }

    /// Beside readers, by path copy: one store makes everything at or after `from` vanish. Takes nodes that the tree has at hand or
    /// a loan of the reserve.
    ///
    /// # Errors
    ///
    /// When there are too few nodes. Nothing is changed then.
    pub(crate) fn prune_by_path_copy(&mut self, from: u64, may_cut: bool, memory: Memory) -> Result<Pruned, NoPath> {
        self.forget();
        self.touch(from, u64::MAX);
        let Some((from, path)) = self.border(from, may_cut) else {
            return Ok(Pruned::NOTHING);
        };
        let Some((root, top)) = self.root.load() else {
            return Ok(Pruned::NOTHING);
        };
        let cut = Self::cut_through(&path, from);
        let plan = Plan::new(&path, from, cut.is_some());
        let mut pruned = Pruned { form: PruneForm::PathCopy, ..Pruned::NOTHING };

        // A root that would keep a single child gives way to it, and so on down.
        let mut lowered = 0;
        while let Some(step) = plan.steps.iter().rev().nth(lowered)
            && step.level + lowered == top
            && step.level > 0
            && (step.keep, step.gap) == (1, false)
        {
            lowered += 1;
        }
        let copies = plan.steps.len() - lowered;
        let needed = copies + usize::from(matches!(plan.root, Below::Cut(_)));
        let mut nodes = FreeList::new();
        let mut source = self.source(memory);
        while nodes.len() < needed {
            let Ok(node) = self.owner.stock.take(&mut source, 1) else { break };
            nodes.push(node);
        }
        let enough = nodes.len() == needed;
        if !enough {
            while let Some(node) = nodes.pop() {
                self.owner.stock.untake(&mut source, node);
            }
        }
        self.close(source);
        if !enough {
            return Err(cut.map_or(NoPath::TooFewNodes, |(first, last)| NoPath::WouldCut(first, last)));
        }
        pruned.nodes_taken = needed;
        self.owner.nodes_taken += needed as u64;

        match plan.root {
            Below::Gap => {
                self.clear();
                pruned.nodes_retired = 1;
                return Ok(pruned);
            }
            Below::Cut(at) => {
                if let Some(node) = nodes.pop() {
                    // SAFETY: a node that nobody can reach yet.
                    unsafe { node.fill(&[at, u64::MAX], &[root.word(), Word::EMPTY]) };
                    self.root.publish(Some((node, top + 1)));
                }
                return Ok(pruned);
            }
            Below::Same | Below::Changed => {}
        }
        let Some(highest) = plan.steps.last() else {
            return Ok(Pruned::NOTHING);
        };

        // The child to put in the path's slot of the next node up; `None`: the one that is there.
        let mut child: Option<NodeRef> = None;
        let mut below = None;
        for step in &plan.steps[..copies] {
            let Some(node) = nodes.pop() else { break };
            let mut slots = Run::<SLOTS>::new();
            for slot in 0..step.keep {
                let old = step.frame.node.own_slot(slot);
                let word = match child {
                    Some(child) if slot == step.frame.slot => child.word(),
                    _ if old.is_live() => old,
                    _ => Word::EMPTY,
                };
                let ends = step.cut.filter(|_| slot + 1 == step.keep);
                slots.push(ends.unwrap_or_else(|| step.frame.node.last(slot, step.frame.max)), word);
            }
            if step.gap {
                slots.push(u64::MAX, Word::EMPTY);
            }
            // SAFETY: a node that nobody can reach yet.
            unsafe { node.fill(slots.lasts(), slots.words()) };
            child = Some(node);
            below = Some(step.level);
        }
        // A lowered root with no copy below it gives way to the child it has.
        let lowest_kept = plan.steps.get(copies).filter(|_| child.is_none());
        if let Some(step) = lowest_kept {
            child = step.frame.word().target().map(|target| {
                // SAFETY: a live word of an inner slot is a child.
                unsafe { NodeRef::from_target(target) }
            });
            below = Some(step.level - 1);
        }
        match (path.at(highest.level + 1), child.zip(below)) {
            (Some(parent), Some((node, _))) => parent.node.publish(parent.slot, node.word()),
            (None, root) => self.root.publish(root),
            (Some(_), None) => {}
        }
        for step in &plan.steps {
            self.retire_husk(step.frame.node, step.level, step.falls..step.frame.node.len());
        }
        self.owner.count_retired(1);
        pruned.nodes_retired = plan.steps.len();
        Ok(pruned)
    }

    /// Beside readers, in place: kills every entry that starts at or after `from`, from the top down. Takes no node.
    pub(crate) fn prune_in_place(&mut self, from: u64) -> Pruned {
        let Some((from, _)) = self.border(from, false) else {
            return Pruned::NOTHING;
        };
        let before = self.owner.retired();
        let slot_stores = self.kill(from, u64::MAX);
        let nodes_retired = self.owner.retired() - before;
        self.owner.count_retired(1);
        let form = if slot_stores == 0 { PruneForm::Nothing } else { PruneForm::InPlace };
        Pruned { form, nodes_taken: 0, nodes_retired, slot_stores }
    }
}
