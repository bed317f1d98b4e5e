//! Histories: what threads did with one tree and what they were told, written down while they do it, and checked afterwards.
//!
//! | file | what is in it |
//! |---|---|
//! | [`clock`] | the time at which a call begins and ends |
//! | [`order`] | the writers' lock of a tree, which also numbers the turns that writers take |
//! | [`cells`] | the indices of a tree as a few cells, so that a model of them can be an array |
//! | [`event`] | what is written down |
//! | [`versions`] | the tree after each change, made from what is written down |
//! | [`check`], [`scan`] | whether every answer fits some version of its time |
//! | [`search`] | another way to the same verdict, for histories of a few calls: all orders are tried |
//! | [`value`], [`work`], [`arena`] | threads that work on a tree and write down what they do |
//!
//! Everything from [`cells`] to [`search`] knows of the tree what its documentation says, and none of its code.
//!
//! # What is checked
//!
//! Writers take turns, so their changes have an order, and the tree has a *version* after each change. Every value is stored once, so it says
//! which store it is of. Look-ups, and changes with them, are linearizable if to every look-up a version can be given in which its answer
//! is right, so that nobody is given a version before one that somebody else had been given, or a writer had finished, when the call began, and
//! none whose change had not begun when the call ended. Each look-up gets the first version that fits; when the first ones do not
//! fit together, no others do, because all that is asked of a version is that it is not too early for those before and not too late for its own call.
//! So the verdict is exact, and takes one pass over the calls in the order of time.
//!
//! A removal that works piece by piece (`remove_whole`, `prune_in_place`, and others when nodes are short) is a change of each of its entries for itself:
//! while it is under way each may be there or not, but none comes back.
//!
//! A walk is no look-up, and is promised less: see [`scan`].

pub mod arena;
pub mod cells;
pub mod check;
pub mod clock;
pub mod event;
pub mod order;
pub mod scan;
pub mod search;
pub mod value;
pub mod versions;
pub mod work;
