//! What can be an index of a map seen with [`Typed`](crate::Typed): a type whose values can be numbered in order.

use core::net::Ipv4Addr;
use core::ops::RangeInclusive;

/// A type whose values are numbered `0..=LAST` in their order, without a hole, so that a map from ranges of `u64` is one from ranges of it.
///
/// Implemented for integers up to 64 bits, signed ones too, for `char` and for [`Ipv4Addr`]. (An IPv6 address has 128 bits, and an index 64.)
/// Signed integers are numbered from their lowest value on, so `-128_i8` is number 0. A `char` is numbered among scalar values, as ranges
/// of `char` go: `'\u{e000}'` is the number behind that of `'\u{d7ff}'`.
///
/// # Implementing it
///
/// * [`to_u64`](Self::to_u64) keeps the order: `a < b` means `a.to_u64() < b.to_u64()`.
/// * Its numbers are exactly `0..=LAST`: each is the number of one value.
/// * [`from_u64`](Self::from_u64) is its inverse on these. It is called with no others, unless an implementation is wrong.
///
/// What breaks these rules gets wrong ranges and surprising errors, never undefined behaviour.
///
/// ```
/// use maple_tree::{Index, TypedMap};
///
/// /// The number of a page of 4 KiB in an address space of 44 bits.
/// #[derive(Clone, Copy, PartialEq, PartialOrd, Debug)]
/// struct Page(u32);
///
/// impl Index for Page {
///     const LAST: u64 = u32::MAX as u64;
///
///     fn to_u64(self) -> u64 {
///         self.0.into()
///     }
///
///     fn from_u64(number: u64) -> Self {
///         Self(number as u32)
///     }
/// }
///
/// let mut pages = TypedMap::new();
/// pages.store(Page(0x10)..Page(0x20), 'a')?;
/// assert_eq!(pages.get(Page(0x1f)), Some('a'));
/// assert_eq!(pages.get_range(Page(0x20)), (Page(0x20)..=Page(u32::MAX), None));
/// # Ok::<(), maple_tree::StoreError<char>>(())
/// ```
pub trait Index: Copy {
    /// The number of the last value. The first one has number 0.
    ///
    /// ```
    /// use maple_tree::Index;
    ///
    /// assert_eq!((<i8 as Index>::LAST, <std::net::Ipv4Addr as Index>::LAST), (255, 0xffff_ffff));
    /// ```
    const LAST: u64;

    /// The number of this value.
    ///
    /// ```
    /// use maple_tree::Index;
    ///
    /// assert_eq!([-128_i8, 0, 127].map(Index::to_u64), [0, 128, 255]);
    /// ```
    fn to_u64(self) -> u64;

    /// The value of this number, which is at most [`LAST`](Self::LAST).
    ///
    /// ```
    /// use maple_tree::Index;
    ///
    /// assert_eq!([0, 128, 255].map(i8::from_u64), [-128, 0, 127]);
    /// ```
    fn from_u64(number: u64) -> Self;

    /// A range of numbers as one of values, without what is behind the last value; `None` if that is all of it. For ranges in errors, and
    /// those that come from calls of the map inside. Constant time; allocates nothing.
    ///
    /// ```
    /// use maple_tree::Index;
    ///
    /// assert_eq!(u8::range_from_u64(3..=7), Some(3..=7));
    /// assert_eq!(u8::range_from_u64(3..=u64::MAX), Some(3..=255));
    /// assert_eq!(u8::range_from_u64(256..=u64::MAX), None);
    /// ```
    #[inline]
    fn range_from_u64(numbers: RangeInclusive<u64>) -> Option<RangeInclusive<Self>> {
        let (first, last) = numbers.into_inner();
        (first <= Self::LAST).then(|| Self::from_u64(first)..=Self::from_u64(last.min(Self::LAST)))
    }
}

macro_rules! unsigned {
    ($($integer:ty)*) => { $(
        impl Index for $integer {
            const LAST: u64 = <$integer>::MAX as u64;

            #[inline]
            fn to_u64(self) -> u64 {
                self as u64
            }

            #[inline]
            fn from_u64(number: u64) -> Self {
                number as $integer
            }
        }
    )* };
}

unsigned! { u8 u16 u32 u64 usize }

macro_rules! signed {
    ($($integer:ty, $unsigned:ty;)*) => { $(
        impl Index for $integer {
            const LAST: u64 = <$unsigned>::MAX as u64;

            /// How far it is from the lowest value.
            #[inline]
            fn to_u64(self) -> u64 {
                self.wrapping_sub(<$integer>::MIN) as $unsigned as u64
            }

            #[inline]
            fn from_u64(number: u64) -> Self {
                (number as $integer).wrapping_add(<$integer>::MIN)
            }
        }
    )* };
}

signed! { i8, u8; i16, u16; i32, u32; i64, u64; isize, usize; }

/// The first code point that is not a scalar value (a surrogate), and how many of these there are.
const SURROGATES: (u64, u64) = (0xd800, 0x800);

impl Index for char {
    const LAST: u64 = char::MAX as u64 - SURROGATES.1;

    #[inline]
    fn to_u64(self) -> u64 {
        let point = u64::from(self);
        if point < SURROGATES.0 { point } else { point - SURROGATES.1 }
    }

    #[inline]
    fn from_u64(number: u64) -> Self {
        let point = if number < SURROGATES.0 { number } else { number + SURROGATES.1 };
        char::from_u32(point as u32).unwrap_or(char::MAX)
    }
}

impl Index for Ipv4Addr {
    const LAST: u64 = u32::MAX as u64;

    #[inline]
    fn to_u64(self) -> u64 {
        self.to_bits().into()
    }

    #[inline]
    fn from_u64(number: u64) -> Self {
        Self::from_bits(number as u32)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use core::fmt::Debug;

    /// Numbers lead to values and back, in order: all of them if there are few, else those at the ends and around the middle.
    fn numbered<I: Index + PartialOrd + Debug>(first: I, last: I) {
        let numbers: Vec<u64> = match I::LAST {
            few @ ..=0x20_0000 => (0..=few).collect(),
            many => [0, many / 2 - 4, many - 8].into_iter().flat_map(|from| from..=from + 8).collect(),
        };
        assert_eq!((I::from_u64(0), I::from_u64(I::LAST)), (first, last));
        for number in &numbers {
            assert_eq!(I::from_u64(*number).to_u64(), *number);
        }
        for pair in numbers.windows(2) {
            assert!(I::from_u64(pair[0]) < I::from_u64(pair[1]), "{pair:?}");
        }
    }

    #[test]
    fn every_type_is_numbered_in_order_from_its_first_value_to_its_last() {
        numbered(u8::MIN, u8::MAX);
        numbered(u16::MIN, u16::MAX);
        numbered(u32::MIN, u32::MAX);
        numbered(u64::MIN, u64::MAX);
        numbered(usize::MIN, usize::MAX);
        numbered(i8::MIN, i8::MAX);
        numbered(i16::MIN, i16::MAX);
        numbered(i32::MIN, i32::MAX);
        numbered(i64::MIN, i64::MAX);
        numbered(isize::MIN, isize::MAX);
        numbered(char::MIN, char::MAX);
        numbered(Ipv4Addr::UNSPECIFIED, Ipv4Addr::BROADCAST);
    }

    #[test]
    fn the_numbers_are_the_ones_that_are_documented() {
        assert_eq!([-1_i32, 0, 1].map(Index::to_u64), [0x7fff_ffff, 0x8000_0000, 0x8000_0001]);
        assert_eq!(['\u{d7ff}', '\u{e000}', char::MAX].map(Index::to_u64), [0xd7ff, 0xd800, 0x10_f7ff]);
        assert_eq!(Ipv4Addr::new(192, 0, 2, 1).to_u64(), 0xc000_0201);
        // Not asked for by anything here, but no reason to panic.
        assert_eq!(char::from_u64(u64::MAX - 0x800), char::MAX);
    }
}
