use super::*;

/// What is measured does what it says.
fn check<S: Section>() {
    let mut section = S::begin();
    let mut inside = 0;
    section.inside(|| inside += 1);
    assert_eq!(inside, 1);
    section.wait();
    // A thread registers once at a time, where it does.
    drop(section);
    assert!(read(S::begin())(1_000) > Duration::ZERO);
}

#[test]
fn sections_are_entered() {
    check::<OfGrace>();
    check::<OfEpoch>();
    check::<Crossbeam>();
    check::<OwnCrossbeam>();
    check::<Seize>();
    check::<Sdd>();
    check::<Haphazard>();
    if Liburcu::is_there() {
        check::<Liburcu>();
    }
}

#[test]
fn what_is_retired_is_freed() {
    retire::<Grace>()(3);
    Grace::barrier().expect("not inside");
    assert!(Grace::retired().is_empty());
}
