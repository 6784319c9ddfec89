//! The kinds of component a plugin can offer: the one place for their words, in messages, in files and on the command line, and
//! for their numbers in the ABI.

use serde::{Deserialize, Serialize};
use topwork_abi as abi;

/// What a component is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// A network that is trained and cut.
    Backbone,
    /// A backbone that computes features itself, opaque and frozen.
    Extractor,
    /// A rule that says where to cut a backbone.
    CutRule,
    /// Labelled images.
    Dataset,
    /// A head of layers trained by gradient.
    NetworkHead,
    /// A head fitted once to features.
    ClassifierHead,
}

/// The roles in which an experiment file names components. No two components of a plugin that can take the same role share an
/// id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// The backbone.
    Backbone,
    /// A rule that says where to cut it.
    Cut,
    /// The dataset of the source or the target.
    Dataset,
    /// A network head or a classifier head.
    Head,
}

/// All that is said of a kind.
struct Words {
    /// In files.
    name: &'static str,
    /// In a sentence.
    one: &'static str,
    /// More of them.
    many: &'static str,
    /// Where a new plugin is asked for; its files of a new project have this name.
    short: &'static str,
    /// What it is, in the same place.
    about: &'static str,
    role: Role,
    number: abi::Kind,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Kind; 6] = [
        Kind::Dataset,
        Kind::Backbone,
        Kind::Extractor,
        Kind::CutRule,
        Kind::NetworkHead,
        Kind::ClassifierHead,
    ];

    /// Both kinds of backbones.
    pub const BACKBONES: [Kind; 2] = [Kind::Backbone, Kind::Extractor];

    /// Both kinds of heads.
    pub const HEADS: [Kind; 2] = [Kind::NetworkHead, Kind::ClassifierHead];

    const fn all_words(self) -> Words {
        match self {
            Kind::Backbone => Words {
                name: "backbone",
                one: "backbone",
                many: "backbones",
                short: "backbone",
                about: "A network that is trained and cut",
                role: Role::Backbone,
                number: abi::Kind::BACKBONE_BLUEPRINT,
            },
            Kind::Extractor => Words {
                name: "extractor",
                one: "extractor",
                many: "extractors",
                short: "extractor",
                about: "A backbone that computes features itself",
                role: Role::Backbone,
                number: abi::Kind::BACKBONE_EXTRACTOR,
            },
            Kind::CutRule => Words {
                name: "cut-rule",
                one: "cut rule",
                many: "cut rules",
                short: "cut",
                about: "A rule that says where to cut",
                role: Role::Cut,
                number: abi::Kind::CUT_RULE,
            },
            Kind::Dataset => Words {
                name: "dataset",
                one: "dataset",
                many: "datasets",
                short: "dataset",
                about: "Labelled images",
                role: Role::Dataset,
                number: abi::Kind::DATASET,
            },
            Kind::NetworkHead => Words {
                name: "network-head",
                one: "network head",
                many: "network heads",
                short: "head",
                about: "A head of layers, trained by gradient",
                role: Role::Head,
                number: abi::Kind::NETWORK_HEAD,
            },
            Kind::ClassifierHead => Words {
                name: "classifier-head",
                one: "classifier head",
                many: "classifier heads",
                short: "classifier",
                about: "A head fitted once to features",
                role: Role::Head,
                number: abi::Kind::CLASSIFIER_HEAD,
            },
        }
    }

    /// Its name in files: "network-head".
    pub const fn name(self) -> &'static str {
        self.all_words().name
    }

    /// The kind as words of a sentence: "network head".
    pub const fn words(self) -> &'static str {
        self.all_words().one
    }

    /// The same with its article: "an extractor".
    pub fn with_article(self) -> String {
        let words = self.words();
        match words.starts_with(['a', 'e', 'i', 'o', 'u']) {
            true => format!("an {words}"),
            false => format!("a {words}"),
        }
    }

    /// More of them: "network heads".
    pub const fn plural(self) -> &'static str {
        self.all_words().many
    }

    /// Its name where a new plugin is asked for, and that of its templates: "head".
    pub const fn short(self) -> &'static str {
        self.all_words().short
    }

    /// What it is, as one line.
    pub const fn about(self) -> &'static str {
        self.all_words().about
    }

    /// In which role an experiment file names it.
    pub const fn role(self) -> Role {
        self.all_words().role
    }

    /// The kind with this number of the ABI; `None` for one of a newer ABI.
    pub fn from_abi(number: abi::Kind) -> Option<Kind> {
        let mut kinds = Kind::ALL.into_iter();
        kinds.find(|kind| kind.all_words().number == number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_is_found_by_its_number_and_written_by_its_name() {
        for kind in Kind::ALL {
            assert_eq!(Kind::from_abi(kind.all_words().number), Some(kind));
            assert_eq!(serde_json::to_value(kind).unwrap(), kind.name());
        }
        assert_eq!(Kind::from_abi(abi::Kind(999)), None);
    }
}
