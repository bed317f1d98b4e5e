//! Removals through a session, and through cursors, ask the allocator for nothing, from taking the lock to letting it go.

use maple_tests::alloc::{Counting, quiet};
use maple_tests::counted::{Arcs, Boxes, Ints, Kind, RcuArcs, RcuBoxes, alone};
use maple_tests::fixture::{Fixture, Make, settle_if_retired};
use maple_tests::shapes::{before, contents, rows, settle, shared_contents, without};
use maple_tree::{Epoch, MapleTree, Rcu, Reserve};

#[global_allocator]
static ALLOCATOR: Counting = Counting;

type Tree<K> = fn(&Fixture) -> MapleTree<<K as Kind>::V>;

/// Every removal of a session, in trees with and without nodes at hand.
fn sessions<K: Kind>() {
    let _alone = alone();
    Reserve::global().fill().expect("memory for the reserve");
    for count in [1, 16, 40, 700] {
        let bench = Fixture::new(rows(count, 2, 4, 2));
        let trees: [Tree<K>; 3] = [
            |bench| bench.map::<K>(Make::Tight).into(),
            |bench| bench.map::<K>(Make::Loose(4)).into(),
            |bench| bench.poor_tree::<K>(true),
        ];
        for make in trees {
            let tree = make(&bench);
            let (first, middle, end) = (bench.rows[0].0, bench.rows[bench.rows.len() / 2].0, bench.rows[bench.rows.len() - 1].1);
            quiet(|| {
                let mut writer = tree.lock();
                drop(writer.erase(first));
                assert!(writer.erase(first).is_none());
                writer.remove_whole(first + 6..=middle - middle / 4);
                writer.prune(end - end / 8);
                writer.prune_in_place(end - end / 4);
                assert!(writer.get(end).is_none());
                assert!(!writer.is_empty() || count < 16);
            });
            tree.validate().expect("valid");
            let kept = without(&bench.rows, first, first + 3);
            let kept = kept.into_iter().filter(|row| row.0 < first + 6 || row.1 > middle - middle / 4).collect::<Vec<_>>();
            let kept = before(&before(&kept, end - end / 8, false), end - end / 4, false);
            assert_eq!(shared_contents::<K>(&tree), kept, "of {count}");
            quiet(|| {
                let mut writer = tree.lock();
                writer.clear();
                writer.bump();
            });
            assert_eq!(shared_contents::<K>(&tree), []);
            drop(tree);
            settle_if_retired();
            bench.assert_alive::<K>(0);
        }
    }
}

/// Every third entry goes, then all, from either end, by a cursor.
fn cursors<K: Kind>() {
    let _alone = alone();
    Reserve::global().fill().expect("memory for the reserve");
    for count in [1, 16, 40, 700] {
        let bench = Fixture::new(rows(count, 2, 4, 2));
        let thinned = bench.rows.iter().copied().filter(|row| row.2 % 3 != 1).collect::<Vec<_>>();
        for backwards in [false, true] {
            let trees: [MapleTree<K::V>; 3] =
                [bench.map::<K>(Make::Tight).into(), bench.map::<K>(Make::Loose(4)).into(), bench.poor_tree::<K>(true)];
            for tree in trees {
                quiet(|| {
                    let mut writer = tree.lock();
                    let mut cursor = writer.cursor_mut();
                    while let Some((_, value)) = if backwards { cursor.prev() } else { cursor.next() } {
                        if K::id(value) % 3 == 1 {
                            assert!(cursor.erase().is_some());
                        }
                    }
                });
                tree.validate().expect("valid");
                assert_eq!(shared_contents::<K>(&tree), thinned);
                quiet(|| {
                    let mut writer = tree.lock();
                    let mut cursor = writer.cursor_mut();
                    while if backwards { cursor.prev() } else { cursor.next() }.is_some() {
                        assert!(cursor.erase().is_some());
                        assert_eq!(cursor.erase().map(drop), None);
                    }
                });
                assert_eq!(tree.validate().expect("valid").nodes, 0);
                tree.synchronize().expect("outside");
                settle_if_retired();
            }
            bench.assert_alive::<K>(0);
            let mut map = bench.map::<K>(Make::Loose(6));
            quiet(|| {
                let mut cursor = map.cursor_mut();
                while let Some((_, value)) = if backwards { cursor.prev() } else { cursor.next() } {
                    if K::id(value) % 3 == 1 {
                        drop(cursor.erase());
                    }
                }
            });
            assert_eq!(contents::<K>(&map), thinned);
            map.validate().expect("valid");
            drop(map);
            settle_if_retired();
            bench.assert_alive::<K>(0);
        }
    }
}

/// Looking around with a cursor asks for nothing, either, nor does a removal under a guard that was there before.
#[test]
fn looking_around() {
    let _alone = alone();
    let bench = Fixture::new(rows(700, 2, 4, 2));
    let tree = MapleTree::<u32>::from(bench.map::<Ints>(Make::Tight));
    let guard = Epoch::pin();
    quiet(|| {
        let mut cursor = tree.cursor(&guard);
        assert_eq!(std::iter::from_fn(|| cursor.next()).count(), 700);
        assert_eq!(std::iter::from_fn(|| cursor.prev_slot()).count(), 1_401);
        assert_eq!(cursor.seek(14), Some(2));
        let position = cursor.pause();
        drop(tree.lock().erase(14));
        let mut cursor = tree.cursor(&guard);
        cursor.resume(position);
        assert_eq!(cursor.prev(), Some((8..=11, 1)));
    });
    drop(guard);
    settle();
}

macro_rules! for_kinds {
    ($($kind:ident: $sessions:ident, $cursors:ident;)*) => {$(
        #[test]
        fn $sessions() {
            sessions::<$kind>();
        }

        #[test]
        fn $cursors() {
            cursors::<$kind>();
        }
    )*};
}

for_kinds! {
    Ints: sessions_of_ints, cursors_of_ints;
    Arcs: sessions_of_arcs, cursors_of_arcs;
    Boxes: sessions_of_boxes, cursors_of_boxes;
    RcuBoxes: sessions_of_rcu_boxes, cursors_of_rcu_boxes;
    RcuArcs: sessions_of_rcu_arcs, cursors_of_rcu_arcs;
}
