//! What makes the vectors of a store: the built-in table, an embedder of the caller's own, or nothing (spec chapter 12).

use crate::embed::dot::by_avx2;
use crate::embed::{self, DIMENSIONS};
use crate::error::{Code, Error, Result};
use crate::scope::check_name;

/// Most components of a vector of the caller's own.
pub const MAX_DIMENSIONS: usize = 4096;

/// What makes the vectors of a store; spec 12.1.
///
/// The core calls no embedder: with one of the caller's own the vectors come as `embedding`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Embedder {
    /// The table of tokens that comes with the library.
    BuiltIn,
    /// One of the caller's.
    Own {
        /// 1 to 256 bytes, not blank; `builtin` and what begins with `agentmem-` are reserved.
        id: String,
        /// 1 to 4096.
        dimensions: usize,
    },
    /// None: search goes by words alone.
    Nothing,
}

impl Embedder {
    /// Gives the id as it stands on the wire, `builtin` for the built-in table, none for nothing.
    pub fn id(&self) -> Option<&str> {
        match self {
            Embedder::BuiltIn => Some("builtin"),
            Embedder::Own { id, .. } => Some(id),
            Embedder::Nothing => None,
        }
    }

    /// How many components its vectors have.
    pub fn dimensions(&self) -> usize {
        match self {
            Embedder::BuiltIn => DIMENSIONS,
            Embedder::Own { dimensions, .. } => *dimensions,
            Embedder::Nothing => 0,
        }
    }

    /// Checks that a vector of the caller's embedder can be used: its size, and that it points somewhere; spec 12.3.
    pub fn check_vector(&self, vector: &[f32]) -> Result<()> {
        self.greatest_of(vector).map(drop)
    }

    /// Checks a vector, and gives the greatest of its magnitudes.
    fn greatest_of(&self, vector: &[f32]) -> Result<f32> {
        let greatest = greatest_magnitude(vector);
        let problem = if !self.is_own() {
            "is for stores that have an embedder of the caller's own".to_owned()
        } else if vector.len() != self.dimensions() {
            let (found, wanted) = (vector.len(), self.dimensions());
            format!("has {found} components: the embedder has {wanted}")
        } else if !greatest.is_finite() {
            "has a component that is not finite as float32".to_owned()
        } else if greatest == 0.0 {
            "is zero in all components".to_owned()
        } else {
            return Ok(greatest);
        };
        Err(Error::invalid("embedding", problem))
    }

    pub(crate) fn is_own(&self) -> bool {
        matches!(self, Embedder::Own { .. })
    }

    /// Checks the id and the dimensions of one of the caller's own.
    pub fn check(&self) -> Result<()> {
        let Embedder::Own { id, dimensions } = self else {
            return Ok(());
        };
        check_name(id, "embedder.id")?;
        if id == "builtin" || id.starts_with("agentmem-") {
            return Err(Error::invalid(
                "embedder.id",
                "is reserved: \"builtin\", and what begins with \"agentmem-\"",
            ));
        }
        if !(1..=MAX_DIMENSIONS).contains(dimensions) {
            return Err(Error::invalid(
                "embedder.dimensions",
                format!("is not an integer from 1 to {MAX_DIMENSIONS}"),
            ));
        }
        Ok(())
    }

    /// Gives the vector of a text: that which the caller gives, or that of the table, or none.
    pub(crate) fn vector(&self, given: Option<&[f32]>, text: &str) -> Result<Vec<i8>> {
        match (self, given) {
            (_, Some(given)) => {
                let greatest = self.greatest_of(given)?;
                Ok(scaled_floats(given, greatest))
            }
            (Embedder::BuiltIn, None) => Ok(embed::embed(text)),
            (Embedder::Nothing, None) => Ok(Vec::new()),
            (Embedder::Own { .. }, None) => Err(Error::new(
                Code::EmbedderFailed,
                "is needed: the store's embedder is the caller's own, and was given without embed",
            )
            .at("embedding")),
        }
    }

    /// Says which one it is, for the message of an error.
    pub(crate) fn name(&self) -> String {
        match self {
            Embedder::BuiltIn => "the built-in table".to_owned(),
            Embedder::Own { id, dimensions } => format!("\"{id}\" with {dimensions} dimensions"),
            Embedder::Nothing => "none".to_owned(),
        }
    }
}

/// Scales floats to int8 so that the greatest magnitude becomes 127; spec 12.5.
#[cfg(test)]
pub fn quantise_floats(vector: &[f32]) -> Vec<i8> {
    scaled_floats(vector, greatest_magnitude(vector))
}

/// Scales floats to int8 so that the greatest magnitude, which is given, becomes 127; spec 12.5.
///
/// In doubles, where all but the sum and the quotient is exact, each rounded once: the same bits in every language, and for every width of a
/// register.
fn scaled_floats(vector: &[f32], greatest: f32) -> Vec<i8> {
    by_avx2!(scaled_floats(vector, greatest));
    scaled_by_any(vector, greatest)
}

/// [`scaled_floats`] by the instructions that its caller is compiled for.
#[inline(always)]
pub(super) fn scaled_by_any(vector: &[f32], greatest: f32) -> Vec<i8> {
    let components = vector.iter().map(|&component| f64::from(component));
    embed::scaled(components, greatest.into())
}

/// The greatest magnitude of all components; not finite if one is not.
fn greatest_magnitude(vector: &[f32]) -> f32 {
    // Floats without their signs are in the order of their bits, infinity and NaN behind all others; and integers are compared several at once.
    let magnitudes = vector
        .iter()
        .map(|component| component.abs().to_bits().cast_signed());
    f32::from_bits(magnitudes.fold(0, i32::max).cast_unsigned())
}
