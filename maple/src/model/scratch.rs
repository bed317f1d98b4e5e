use super::entry::ByLink;
use super::world::*;
#[test]
fn show() {
    explore(None, || {
        for n in [2u64, 3, 4, 5, 6, 8, 9, 12, 16, 20] {
            let v: Vec<_> = (0..n).map(|i| (10 * i, 10 * i + 9, i as u32)).collect();
            let t = tree::<ByLink>(&v);
            println!("n {n} {:?}\n{}", t.figures(), t.dump());
            end(t);
        }
    });
}
