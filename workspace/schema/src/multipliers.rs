//! Learning-rate multipliers of `fine-tune`: patterns that stand for layers, and which multiplier
//! each layer gets from them.
//!
//! Layers are numbered through the whole network: the trunk's from 1, the head's from where the
//! trunk ends.

use std::fmt;
use std::ops::RangeInclusive;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Layers, as the key of a learning-rate multiplier names them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum LayerPattern {
    /// Layers by number: `3`, `3..=7`, `..=4`, `8..`.
    Numbers {
        /// The first, 1 or more.
        from: usize,
        /// The last, not before the first; `None` for all that follow.
        to: Option<usize>,
    },
    /// A layer of the trunk by its name.
    Name(String),
    /// Every layer of the head: `head`.
    Head,
    /// Every layer: `*`.
    All,
}

/// Why a key is no layer pattern.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PatternError {
    /// There is nothing in it.
    #[error("expected layers, found nothing")]
    Empty,
    /// It begins like a number and is none.
    #[error("expected layer numbers such as 3, 3..=7, ..=4 or 8.., found {0:?}")]
    NotNumbers(String),
    /// `3..7`, which some read with the 7 and some without.
    #[error(
        "a range includes its last layer and is written `{from}..={to}`, found \"{from}..{to}\""
    )]
    EndMissing {
        /// The first layer.
        from: String,
        /// The last layer.
        to: String,
    },
    /// Layer 0.
    #[error("layers are numbered from 1, found {0:?}")]
    Zero(String),
    /// `7..=3`.
    #[error("the range {0:?} is empty")]
    Backwards(String),
}

/// Why multipliers do not fit a network.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MultiplierError {
    /// It comes after the pattern that matches everything.
    #[error("`{0}` matches nothing, because `*` comes before it and matches every layer")]
    AfterAll(LayerPattern),
    /// Patterns before it have all of its layers.
    #[error(
        "`{pattern}` matches nothing, because `{earlier}` comes before it and the first match counts"
    )]
    Taken {
        /// The pattern.
        pattern: LayerPattern,
        /// The pattern that has the first of its layers.
        earlier: LayerPattern,
    },
    /// Its numbers lie beyond the last layer.
    #[error(
        "`{pattern}` matches nothing, because the network ends with layer {layers} ({trunk} in the trunk)"
    )]
    Beyond {
        /// The pattern.
        pattern: LayerPattern,
        /// Layers of trunk and head together.
        layers: usize,
        /// Layers of the trunk.
        trunk: usize,
    },
    /// The trunk has no layer of this name.
    #[error("`{0}` matches nothing, because the trunk has no layer of this name")]
    UnknownName(String),
}

/// The multiplier of every layer, trunk first, given the names of the trunk's layers and the
/// number of the head's.
pub(crate) fn of_layers(
    patterns: &[(LayerPattern, f64)],
    trunk: &[&str],
    head: usize,
) -> Result<Vec<f64>, MultiplierError> {
    let layers = trunk.len() + head;
    let (assigned, mistakes) = Assigned::new(patterns, trunk, Some(layers));
    match mistakes.into_iter().next() {
        Some((_, mistake)) => Err(mistake),
        None => Ok((1..=layers).map(|layer| assigned.of(layer)).collect()),
    }
}

/// Which layers every pattern stands for.
pub(crate) struct Assigned<'a> {
    trunk: usize,
    /// In the order written; the first that has a layer counts.
    assignments: Vec<Assignment<'a>>,
}

struct Assignment<'a> {
    pattern: &'a LayerPattern,
    layers: RangeInclusive<usize>,
    multiplier: f64,
}

impl<'a> Assigned<'a> {
    /// The patterns as layers of a network whose trunk has layers of these names; `layers` is the
    /// number of all layers, or `None` while the head is not known. With them come the patterns
    /// that match nothing, by their place.
    pub fn new(
        patterns: &'a [(LayerPattern, f64)],
        trunk: &[&str],
        layers: Option<usize>,
    ) -> (Assigned<'a>, Vec<(usize, MultiplierError)>) {
        let mut assigned = Assigned {
            trunk: trunk.len(),
            assignments: Vec::new(),
        };
        let mut mistakes = Vec::new();
        for (place, (pattern, multiplier)) in patterns.iter().enumerate() {
            let matched =
                range(pattern, trunk, layers).and_then(|layers| match assigned.taken(&layers) {
                    None => Ok(layers),
                    Some(LayerPattern::All) => Err(MultiplierError::AfterAll(pattern.clone())),
                    Some(earlier) => Err(MultiplierError::Taken {
                        pattern: pattern.clone(),
                        earlier: earlier.clone(),
                    }),
                });
            match matched {
                Ok(layers) => assigned.assignments.push(Assignment {
                    pattern,
                    layers,
                    multiplier: *multiplier,
                }),
                Err(mistake) => mistakes.push((place, mistake)),
            }
        }
        (assigned, mistakes)
    }

    /// The multiplier of a layer, counted from 1.
    pub fn of(&self, layer: usize) -> f64 {
        self.owner(layer).map_or(1.0, |owner| owner.multiplier)
    }

    /// Whether no layer of the trunk learns.
    pub fn trunk_is_frozen(&self) -> bool {
        (1..=self.trunk).all(|layer| self.of(layer) == 0.0)
    }

    /// Whether no layer of the head learns, however many it has.
    pub fn head_is_frozen(&self) -> bool {
        // The multiplier can only change where a range begins or has ended.
        let ranges = self.assignments.iter().map(|assignment| &assignment.layers);
        let edges = ranges.flat_map(|layers| [*layers.start(), layers.end().saturating_add(1)]);
        let first = self.trunk + 1;
        edges
            .chain([first])
            .filter(|layer| *layer >= first)
            .all(|layer| self.of(layer) == 0.0)
    }

    fn owner(&self, layer: usize) -> Option<&Assignment<'a>> {
        let mut assignments = self.assignments.iter();
        assignments.find(|assignment| assignment.layers.contains(&layer))
    }

    /// The pattern that has the first of these layers, if earlier patterns have all of them.
    fn taken(&self, layers: &RangeInclusive<usize>) -> Option<&'a LayerPattern> {
        let first = self.owner(*layers.start())?;
        let mut last = first;
        while last.layers.end() < layers.end() {
            last = self.owner(last.layers.end() + 1)?;
        }
        Some(first.pattern)
    }
}

/// The layers a pattern stands for, never none.
fn range(
    pattern: &LayerPattern,
    trunk: &[&str],
    layers: Option<usize>,
) -> Result<RangeInclusive<usize>, MultiplierError> {
    let last = layers.unwrap_or(usize::MAX);
    let range = match pattern {
        LayerPattern::Numbers { from, to } => *from..=to.map_or(last, |to| to.min(last)),
        LayerPattern::Name(name) => match trunk.iter().position(|other| other == name) {
            Some(index) => index + 1..=index + 1,
            None => return Err(MultiplierError::UnknownName(name.clone())),
        },
        LayerPattern::Head => trunk.len() + 1..=last,
        LayerPattern::All => 1..=last,
    };
    if range.is_empty() {
        return Err(MultiplierError::Beyond {
            pattern: pattern.clone(),
            layers: last,
            trunk: trunk.len(),
        });
    }
    Ok(range)
}

impl FromStr for LayerPattern {
    type Err = PatternError;

    fn from_str(text: &str) -> Result<LayerPattern, PatternError> {
        match text {
            "" => return Err(PatternError::Empty),
            "*" => return Ok(LayerPattern::All),
            "head" => return Ok(LayerPattern::Head),
            _ => {}
        }
        // A name that begins like a number is no name: a slip in a range would pass as one.
        if !text.starts_with(|first: char| first.is_ascii_digit() || first == '.') {
            return Ok(LayerPattern::Name(text.to_owned()));
        }
        let number = |digits: &str| match digits.parse::<usize>() {
            Ok(0) => Err(PatternError::Zero(text.to_owned())),
            Ok(layer) if !digits.starts_with('+') => Ok(layer),
            _ => Err(PatternError::NotNumbers(text.to_owned())),
        };
        let (from, to) = match text.split_once("..") {
            None => {
                let layer = number(text)?;
                (layer, Some(layer))
            }
            Some(("", "")) => return Err(PatternError::NotNumbers(text.to_owned())),
            Some((from, to)) => {
                let first = if from.is_empty() { 1 } else { number(from)? };
                match to.strip_prefix('=') {
                    Some(last) => (first, Some(number(last)?)),
                    None if to.is_empty() => (first, None),
                    None => {
                        number(to)?;
                        return Err(PatternError::EndMissing {
                            from: from.to_owned(),
                            to: to.to_owned(),
                        });
                    }
                }
            }
        };
        if to.is_some_and(|to| to < from) {
            return Err(PatternError::Backwards(text.to_owned()));
        }
        Ok(LayerPattern::Numbers { from, to })
    }
}

impl fmt::Display for LayerPattern {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            LayerPattern::Numbers { from, to: None } => write!(out, "{from}.."),
            LayerPattern::Numbers { from, to: Some(to) } if from == to => write!(out, "{from}"),
            LayerPattern::Numbers {
                from: 1,
                to: Some(to),
            } => write!(out, "..={to}"),
            LayerPattern::Numbers { from, to: Some(to) } => write!(out, "{from}..={to}"),
            LayerPattern::Name(name) => out.write_str(name),
            LayerPattern::Head => out.write_str("head"),
            LayerPattern::All => out.write_str("*"),
        }
    }
}

impl TryFrom<String> for LayerPattern {
    type Error = PatternError;

    fn try_from(text: String) -> Result<LayerPattern, PatternError> {
        text.parse()
    }
}

impl From<LayerPattern> for String {
    fn from(pattern: LayerPattern) -> String {
        pattern.to_string()
    }
}
