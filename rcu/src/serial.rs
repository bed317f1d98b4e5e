//! Reading owned objects with `serde`, and writing them.

use crate::flavour::Rcu;
use crate::owned::{RcuArc, RcuBox};
use serde_core::de::{Deserialize, Deserializer, Error};
use serde_core::ser::{Serialize, Serializer};

impl<T: Serialize> Serialize for RcuBox<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        T::serialize(self, serializer)
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for RcuBox<T> {
    /// Reads a `T`. A lack of memory is an error.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        RcuBox::try_new(T::deserialize(deserializer)?).map_err(|_| D::Error::custom("out of memory"))
    }
}

impl<T: Serialize + Send + Sync + 'static, R: Rcu> Serialize for RcuArc<T, R> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        T::serialize(self, serializer)
    }
}

impl<'de, T: Deserialize<'de> + Send + Sync + 'static, R: Rcu> Deserialize<'de> for RcuArc<T, R> {
    /// Reads a `T`, of which the value is the only owner. A lack of memory is an error.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        RcuArc::try_new(T::deserialize(deserializer)?).map_err(|_| D::Error::custom("out of memory"))
    }
}
