//! The experiment file as written: what could be read of it, with the place of everything a later
//! check may have to point at. A value that is wrong in itself is left out; `shape` has said so.

use std::ops::Range;

use serde_json::{Map, Value};

use crate::catalog::UseKind;
use crate::keys::{self, Kind, Presence, Table};
use crate::multipliers::LayerPattern;
use crate::plan::Weights;
use crate::shape;
use crate::strategies::StrategyKind;
use crate::training::{Augment, ClassWeights, Optimizer, Schedule, Train};
use crate::tree::{self, Node};
use crate::words::{Normalise, Pool, Reduction};

/// A value and where it stands.
#[derive(Clone, Debug)]
pub(crate) struct Located<T> {
    pub value: T,
    pub span: Range<usize>,
}

#[derive(Clone, Debug)]
pub(crate) struct Written {
    pub name: Option<String>,
    pub about: String,
    pub seeds: Vec<u64>,
    pub backbone: Option<WrittenBackbone>,
    pub source: Option<WrittenSource>,
    pub target: Option<WrittenTarget>,
    pub strategies: Vec<WrittenStrategy>,
    pub references: Vec<WrittenReference>,
    pub pins: Vec<WrittenPin>,
}

/// A plugin's id and the digest its file must have.
#[derive(Clone, Debug)]
pub(crate) struct WrittenPin {
    pub plugin: Located<String>,
    pub sha256: Located<String>,
}

#[derive(Clone, Debug)]
pub(crate) struct WrittenBackbone {
    pub span: Range<usize>,
    pub component: Option<WrittenUse>,
    /// Whether `weights` is written, rightly or not.
    pub weights_given: bool,
    /// Where `[source]` is written, rightly or not.
    pub source: Option<Range<usize>>,
    pub weights: Option<Located<String>>,
}

/// A component and its parameters.
#[derive(Clone, Debug)]
pub(crate) struct WrittenUse {
    pub kind: UseKind,
    /// The path of its table, as one would type it.
    pub path: String,
    pub component: Located<String>,
    pub parameters: Map<String, Value>,
    /// The table itself, where the parameters' places are.
    pub node: Node,
}

#[derive(Clone, Debug)]
pub(crate) struct WrittenDataset {
    pub component: WrittenUse,
    pub classes: Option<Vec<Located<WrittenClass>>>,
    pub normalise: Option<Located<Normalise>>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum WrittenClass {
    Index(u64),
    Name(String),
}

#[derive(Clone, Debug)]
pub(crate) struct WrittenSource {
    pub dataset: Option<WrittenDataset>,
    pub head: Option<WrittenUse>,
    pub train: Option<WrittenTrain>,
}

#[derive(Clone, Debug)]
pub(crate) struct WrittenTarget {
    pub dataset: Option<WrittenDataset>,
    /// Empty when none is right in itself.
    pub cuts: Vec<Located<WrittenCut>>,
    pub folds: Option<Located<u64>>,
}

/// A cut, or several that a rule chooses.
#[derive(Clone, Debug)]
pub(crate) struct WrittenCut {
    pub place: WrittenPlace,
    pub reduction: Reduction,
}

#[derive(Clone, Debug)]
pub(crate) enum WrittenPlace {
    Layers(usize),
    Name(String),
    Rule(Box<WrittenUse>),
}

#[derive(Clone, Debug)]
pub(crate) struct WrittenTrain {
    pub path: String,
    /// The table itself, where the values' places are.
    pub node: Node,
    /// `None` when a value in it is wrong.
    pub train: Option<Train>,
}

#[derive(Clone, Debug)]
pub(crate) struct WrittenStrategy {
    pub path: String,
    pub span: Range<usize>,
    pub name: Option<Located<String>>,
    pub kind: Option<Located<StrategyKind>>,
    pub head: Option<WrittenUse>,
    /// Whether `train` is written, rightly or not.
    pub train_given: bool,
    pub train: Option<WrittenTrain>,
    /// Empty for those of the target.
    pub cuts: Vec<Located<WrittenCut>>,
    /// Empty for all.
    pub train_samples: Vec<Located<u64>>,
    pub test_samples: Option<Located<u64>>,
    pub weights: Option<Weights>,
    /// Empty when one of them is wrong in itself.
    pub multipliers: Vec<(Located<LayerPattern>, f64)>,
    pub unfreeze_after: Option<Located<u64>>,
    /// The table itself, where the places of keys are.
    pub node: Node,
}

#[derive(Clone, Debug)]
pub(crate) struct WrittenReference {
    pub strategy: Option<Located<String>>,
    pub accuracy: Option<f64>,
    pub note: String,
}

impl Written {
    pub fn read(root: &Node) -> Written {
        let view = View::new(&keys::EXPERIMENT, root, String::new());
        let seeds = view.node("seeds");
        Written {
            name: view.text("name").map(|name| name.value),
            about: view
                .text("about")
                .map(|about| about.value)
                .unwrap_or_default(),
            seeds: seeds
                .map(|list| list.items().iter().filter_map(Node::integer).collect())
                .unwrap_or_default(),
            backbone: view.table("backbone").map(|view| WrittenBackbone {
                span: view.node.span.clone(),
                component: view.component(UseKind::Backbone),
                weights_given: view.node.get("weights").is_some(),
                source: root.get("source").map(|source| source.span.clone()),
                weights: view.text("weights"),
            }),
            source: view.table("source").map(|view| WrittenSource {
                dataset: view.dataset(),
                head: view.head(),
                train: view.train(),
            }),
            target: view.table("target").map(|view| WrittenTarget {
                dataset: view.dataset(),
                cuts: view.cuts(),
                folds: view.integer("folds"),
            }),
            strategies: view.tables("strategy").map(WrittenStrategy::read).collect(),
            references: view
                .tables("reference")
                .map(|view| WrittenReference {
                    strategy: view.text("strategy"),
                    accuracy: view.number("accuracy"),
                    note: view.text("note").map(|note| note.value).unwrap_or_default(),
                })
                .collect(),
            pins: view.pins(),
        }
    }

    /// Every component named, in the order of the file's parts.
    pub fn components(&self) -> Vec<&WrittenUse> {
        let backbone = self.backbone.as_ref().and_then(|b| b.component.as_ref());
        let source = self.source.as_ref();
        let source_dataset = source.and_then(|s| s.dataset.as_ref());
        let target_dataset = self.target.as_ref().and_then(|t| t.dataset.as_ref());
        let mut all: Vec<&WrittenUse> = Vec::new();
        all.extend(backbone);
        all.extend(source_dataset.map(|dataset| &dataset.component));
        all.extend(source.and_then(|s| s.head.as_ref()));
        all.extend(target_dataset.map(|dataset| &dataset.component));
        let of_target = self.target.iter().flat_map(|target| &target.cuts);
        let of_strategies = self.strategies.iter().flat_map(|strategy| &strategy.cuts);
        all.extend(
            of_target
                .chain(of_strategies)
                .filter_map(|cut| match &cut.value.place {
                    WrittenPlace::Rule(rule) => Some(&**rule),
                    WrittenPlace::Layers(_) | WrittenPlace::Name(_) => None,
                }),
        );
        all.extend(self.strategies.iter().filter_map(|s| s.head.as_ref()));
        all
    }
}

impl WrittenStrategy {
    fn read(view: View<'_>) -> WrittenStrategy {
        let kind = view.located("kind", |node| StrategyKind::of(node.text()?));
        let weights = view.text("weights");
        let at_random = (kind.as_ref()).is_some_and(|kind| kind.value.begins_at_random());
        WrittenStrategy {
            span: view.node.span.clone(),
            name: view.text("name"),
            kind,
            head: view.head(),
            train_given: view.node.get("train").is_some(),
            train: view.train(),
            cuts: view.cuts(),
            train_samples: view.one_or_more("train-samples", Node::integer),
            test_samples: view.integer("test-samples"),
            multipliers: view.multipliers().unwrap_or_default(),
            unfreeze_after: view.integer("unfreeze-after"),
            node: view.node.clone(),
            weights: weights.and_then(|weights| match weights.value.as_str() {
                _ if at_random => Some(Weights::Random),
                "source" => Some(Weights::Source),
                "random" => Some(Weights::Random),
                _ => None,
            }),
            path: view.path,
        }
    }
}

/// A table of the file beside its declaration: reads values, and defaults for what is not there.
struct View<'a> {
    table: &'static Table,
    node: &'a Node,
    path: String,
}

impl<'a> View<'a> {
    fn new(table: &'static Table, node: &'a Node, path: String) -> Self {
        View { table, node, path }
    }

    /// The value of a key; for a key that is left out its default, standing where the table does.
    fn node(&self, key: &str) -> Option<Node> {
        if let Some(node) = self.node.get(key) {
            return Some(node.clone());
        }
        match self.table.key(key)?.presence {
            Presence::Default(text) => tree::parse_default(text, self.node.span.clone()),
            Presence::Required | Presence::Optional(_) => None,
        }
    }

    /// A value that is right in itself.
    fn located<T>(&self, key: &str, read: impl Fn(&Node) -> Option<T>) -> Option<Located<T>> {
        let node = self.node(key)?;
        if !shape::accepts(&self.table.key(key)?.kind, &node) {
            return None;
        }
        let value = read(&node)?;
        let span = node.span;
        Some(Located { value, span })
    }

    fn text(&self, key: &str) -> Option<Located<String>> {
        self.located(key, |node| node.text().map(str::to_owned))
    }

    fn integer(&self, key: &str) -> Option<Located<u64>> {
        self.located(key, Node::integer)
    }

    fn size(&self, key: &str) -> Option<usize> {
        usize::try_from(self.integer(key)?.value).ok()
    }

    fn boolean(&self, key: &str) -> Option<bool> {
        Some(self.located(key, Node::boolean)?.value)
    }

    fn number(&self, key: &str) -> Option<f64> {
        Some(self.located(key, Node::number)?.value)
    }

    fn table(&self, key: &str) -> Option<View<'a>> {
        let Kind::Table(table) = self.table.key(key)?.kind else {
            return None;
        };
        let node = self.node.get(key)?;
        matches!(node.value, tree::Value::Table(_))
            .then(|| View::new(table, node, shape::join(&self.path, key)))
    }

    fn tables(&self, key: &str) -> impl Iterator<Item = View<'a>> {
        let of = match self.table.key(key).map(|key| &key.kind) {
            Some(Kind::Tables { of, .. }) => Some(*of),
            _ => None,
        };
        let items = self.node.get(key).map_or(&[][..], Node::items);
        let path = shape::join(&self.path, key);
        items
            .iter()
            .enumerate()
            .filter_map(move |(index, node)| Some(View::new(of?, node, format!("{path}[{index}]"))))
    }

    fn component(&self, kind: UseKind) -> Option<WrittenUse> {
        let component = self.text("use")?;
        let parameters = self
            .node
            .entries()
            .iter()
            .filter(|entry| self.table.key(&entry.key).is_none())
            .map(|entry| (entry.key.clone(), entry.node.to_json()))
            .collect();
        Some(WrittenUse {
            kind,
            path: self.path.clone(),
            component,
            parameters,
            node: self.node.clone(),
        })
    }

    fn head(&self) -> Option<WrittenUse> {
        self.table("head")?.component(UseKind::Head)
    }

    fn dataset(&self) -> Option<WrittenDataset> {
        let view = self.table("dataset")?;
        // Read even if one of them is wrong: the others can still be compared with the dataset.
        let classes = view.node.get("classes").map(|node| {
            let classes = node.items().iter().filter_map(|item| {
                let index = item.integer().map(WrittenClass::Index);
                let name = || item.text().map(|name| WrittenClass::Name(name.to_owned()));
                let value = index.or_else(name)?;
                let span = item.span.clone();
                Some(Located { value, span })
            });
            classes.collect()
        });
        let component = view.component(UseKind::Dataset)?;
        Some(WrittenDataset {
            component,
            classes,
            normalise: view.normalise(),
        })
    }

    fn pins(&self) -> Vec<WrittenPin> {
        let entries = self.node.get("plugins").map_or(&[][..], Node::entries);
        let pins = entries.iter().filter_map(|entry| {
            let view = View::new(&keys::PLUGIN, &entry.node, String::new());
            Some(WrittenPin {
                plugin: Located {
                    value: entry.key.clone(),
                    span: entry.key_span.clone(),
                },
                sha256: view.text("sha256")?,
            })
        });
        pins.collect()
    }

    fn cuts(&self) -> Vec<Located<WrittenCut>> {
        let plain = |node: &Node| {
            let layers = node
                .integer()
                .and_then(|layers| usize::try_from(layers).ok());
            let name = || node.text().map(|name| WrittenPlace::Name(name.to_owned()));
            layers.map(WrittenPlace::Layers).or_else(name)
        };
        self.one_or_more("cut", |node| {
            if !matches!(node.value, tree::Value::Table(_)) {
                let (place, reduction) = (plain(node)?, Reduction::default());
                return Some(WrittenCut { place, reduction });
            }
            let view = View::new(&keys::CUT, node, shape::join(&self.path, "cut"));
            let rule = view.component(UseKind::Cut).map(Box::new);
            // `rules` has said what is wrong with neither or both of them.
            let place = match (view.node.get("at"), rule) {
                (Some(at), None) => plain(at)?,
                (None, Some(rule)) => WrittenPlace::Rule(rule),
                _ => return None,
            };
            let pool = view
                .text("pool")
                .and_then(|pool| match pool.value.as_str() {
                    "gap" => Some(Pool::Gap),
                    "gmp" => Some(Pool::Gmp),
                    "flatten" => Some(Pool::Flatten),
                    "pyramid" => Some(Pool::Pyramid),
                    _ => None,
                });
            let reduction = Reduction {
                pool,
                l2: view.boolean("l2")?,
                pca: view.size("pca"),
            };
            Some(WrittenCut { place, reduction })
        })
    }

    /// A value or several, without those that are wrong in themselves: the others can still be
    /// checked.
    fn one_or_more<T>(&self, key: &str, read: impl Fn(&Node) -> Option<T>) -> Vec<Located<T>> {
        let Some(Kind::OneOrMore(of)) = self.table.key(key).map(|key| &key.kind) else {
            return Vec::new();
        };
        let node = self.node.get(key);
        let nodes = node.map_or(&[][..], |node| match node.value {
            tree::Value::List(_) => node.items(),
            _ => std::slice::from_ref(node),
        });
        let mut values: Vec<Located<T>> = Vec::new();
        for (node, again) in nodes.iter().zip(tree::repeated(nodes)) {
            if let Some(value) = read(node).filter(|_| !again && shape::accepts(of, node)) {
                let span = node.span.clone();
                values.push(Located { value, span });
            }
        }
        values
    }

    fn multipliers(&self) -> Option<Vec<(Located<LayerPattern>, f64)>> {
        let node = self.located("learning-rate-multipliers", |node| Some(node.clone()))?;
        let entries = node.value.entries().iter().map(|entry| {
            let pattern = Located {
                value: entry.key.parse().ok()?,
                span: entry.key_span.clone(),
            };
            // The only word there is stands for 0.
            Some((pattern, entry.node.number().unwrap_or(0.0)))
        });
        entries.collect()
    }

    fn train(&self) -> Option<WrittenTrain> {
        let view = self.table("train")?;
        Some(WrittenTrain {
            node: view.node.clone(),
            train: view.train_values(),
            path: view.path,
        })
    }

    /// The values of a `train` table; `None` when one of them is wrong.
    fn train_values(&self) -> Option<Train> {
        // What is left out is `None`; what is written and wrong spoils the table.
        let written = |key: &str| self.node.get(key).is_some();
        let clip_norm = self.number("clip-norm");
        let patience = self.size("patience");
        let class_weights = self.located("class-weights", |node| match &node.value {
            tree::Value::List(items) => {
                let weights = items.iter().map(Node::number).collect::<Option<_>>()?;
                Some(ClassWeights::Listed(weights))
            }
            _ => Some(ClassWeights::Balanced),
        });
        if written("clip-norm") && clip_norm.is_none()
            || written("patience") && patience.is_none()
            || written("class-weights") && class_weights.is_none()
        {
            return None;
        }
        let augment = match self.table("augment") {
            Some(view) => view.augment()?,
            None if written("augment") => return None,
            None => None,
        };
        Some(Train {
            epochs: self.size("epochs")?,
            batch_size: self.size("batch-size")?,
            optimizer: match self.text("optimizer")?.value.as_str() {
                "adam" => Optimizer::Adam,
                "adamw" => Optimizer::AdamW,
                "sgd" => Optimizer::Sgd,
                _ => return None,
            },
            learning_rate: self.number("learning-rate")?,
            momentum: self.number("momentum")?,
            nesterov: self.boolean("nesterov")?,
            weight_decay: self.number("weight-decay")?,
            schedule: match self.text("schedule")?.value.as_str() {
                "constant" => Schedule::Constant,
                "step" => Schedule::Step {
                    every: self.size("step-every")?,
                    factor: self.number("step-factor")?,
                },
                "cosine" => Schedule::Cosine,
                "one-cycle" => Schedule::OneCycle,
                _ => return None,
            },
            warm_up: self.number("warm-up")?,
            label_smoothing: self.number("label-smoothing")?,
            class_weights: class_weights.map(|weights| weights.value),
            clip_norm,
            validation: self.number("validation")?,
            patience,
            augment,
        })
    }

    /// `None` when a value is wrong, `Some(None)` when nothing is asked for.
    fn augment(&self) -> Option<Option<Augment>> {
        let augment = Augment {
            shift: self.size("shift")?,
            rotate: self.number("rotate")?,
            flip: self.boolean("flip")?,
            crop: self.size("crop")?,
        };
        Some(Some(augment).filter(Augment::changes_anything))
    }

    fn normalise(&self) -> Option<Located<Normalise>> {
        let view = self.table("normalise")?;
        let numbers = |key| {
            let read = |node: &Node| node.items().iter().map(Node::number).collect();
            Some(view.located(key, read)?.value)
        };
        Some(Located {
            span: view.node.span.clone(),
            value: Normalise {
                mean: numbers("mean")?,
                std: numbers("std")?,
            },
        })
    }
}
