//! What real programs did to their address spaces: all changes of all recordings, without what was mapped at the start.

mod common;

use common::Suite;
use maple_benches::replay::{Recording, recordings};
use maple_benches::{RangeTable, jobs};

fn replay<S: RangeTable>(suite: &mut Suite<'_>, recordings: &[Recording]) {
    suite.run(S::NAME, None, || jobs::replay::<S>(recordings));
}

fn main() {
    common::main(|criterion| {
        let suite = &mut Suite::begin(criterion, "replay", 30);
        let recordings = &recordings();
        for_every_range_table!(replay(suite, recordings));
    });
}
