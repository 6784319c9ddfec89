//! One tree: how it is grown, and how it is read.

use super::bins::Bins;
use super::criterion::Criterion;
use crate::state::Writer;
use fastrand::Rng;
use topwork_sdk::Trees;

/// Below so many samples a node sorts them, as emptying all bins would take longer.
const FEW: usize = 64;

/// What all trees of a forest are grown from.
pub struct Growth<'a, C> {
    pub bins: &'a Bins,
    /// What is to be told by the features.
    pub criterion: &'a C,
    pub max_depth: usize,
    pub min_samples_leaf: u32,
    /// How many features a node looks at.
    pub looked_at: usize,
    pub bootstrap: bool,
}

/// Nodes in the order of their making; the root is the first.
pub struct Tree {
    nodes: Vec<Node>,
    /// leaves × outputs: the share of each class, or the mean of each column of numbers
    leaves: Vec<f32>,
    outputs: usize,
}

#[derive(Clone, Copy)]
struct Node {
    feature: u32,
    /// A value up to this goes to the left.
    threshold: f32,
    /// The left child; the right one follows it. For a leaf, its number with [`LEAF`].
    next: u32,
}

/// Marks the number of a leaf.
const LEAF: u32 = 1 << 31;

/// The best split so far.
struct Split {
    /// How much the summed impurity falls, less what is the same for all splits of a node.
    gain: f64,
    feature: usize,
    bin: u8,
}

/// The samples of a tree: each once, with how often it was drawn.
pub struct Drawn {
    pub sample: u32,
    pub times: u32,
}

impl<C: Criterion> Growth<'_, C> {
    /// Grows one tree.
    pub fn tree(&self, random: &mut Rng) -> Tree {
        let mut drawn = self.draw(random);
        let mut tree = Tree {
            nodes: vec![Node::leaf(0)],
            leaves: Vec::new(),
            outputs: self.criterion.outputs(),
        };
        let mut features: Vec<usize> = (0..self.bins.features()).collect();
        // Nodes that are still to be looked at: place, samples, depth.
        let mut open = vec![(0, 0..drawn.len(), 0)];
        while let Some((place, range, depth)) = open.pop() {
            let samples = &mut drawn[range.clone()];
            let node = self.side(samples);
            let pure = self.criterion.is_pure(samples, &node.sums);
            let split = match pure || depth >= self.max_depth {
                true => None,
                false => self.split(samples, &node, &mut features, random),
            };
            let Some(split) = split else {
                let leaf = (tree.leaves.len() / tree.outputs) as u32;
                tree.leaves.extend(self.criterion.leaf(&node));
                tree.nodes[place] = Node::leaf(leaf);
                continue;
            };
            let numbers = self.bins.of_feature(split.feature);
            let goes_left = |drawn: &Drawn| numbers[drawn.sample as usize] <= split.bin;
            let middle = range.start + partition(samples, goes_left);
            let left = tree.nodes.len();
            tree.nodes[place] = Node {
                feature: split.feature as u32,
                threshold: self.bins.end(split.feature, split.bin),
                next: left as u32,
            };
            tree.nodes.extend([Node::leaf(0); 2]);
            open.push((left + 1, middle..range.end, depth + 1));
            open.push((left, range.start..middle, depth + 1));
        }
        tree
    }

    fn draw(&self, random: &mut Rng) -> Vec<Drawn> {
        let count = self.bins.samples();
        let mut times = vec![u32::from(!self.bootstrap); count];
        if self.bootstrap {
            for _ in 0..count {
                times[random.usize(0..count)] += 1;
            }
        }
        (0..)
            .zip(times)
            .filter(|(_, times)| *times > 0)
            .map(|(sample, times)| Drawn { sample, times })
            .collect()
    }

    /// All samples of a node.
    fn side(&self, samples: &[Drawn]) -> Side {
        let mut tallies = vec![C::Tally::default(); self.criterion.outputs()];
        for drawn in samples {
            let key = self.criterion.key(drawn.sample);
            self.criterion.tally(&mut tallies, key, drawn.times);
        }
        let tallies = tallies.into_iter().enumerate();
        Side {
            times: samples.iter().map(|drawn| drawn.times).sum(),
            sums: tallies
                .map(|(output, tally)| self.criterion.weigh(output, tally))
                .collect(),
        }
    }

    /// The best split among features drawn at random. Like scikit-learn it goes on looking until one of them is not the same
    /// in all samples.
    fn split(
        &self,
        samples: &[Drawn],
        node: &Side,
        features: &mut [usize],
        random: &mut Rng,
    ) -> Option<Split> {
        let mut best: Option<Split> = None;
        let mut varied = 0;
        for place in 0..features.len() {
            if varied >= self.looked_at {
                break;
            }
            features.swap(place, random.usize(place..features.len()));
            let feature = features[place];
            if self.bins.count(feature) < 2 {
                continue;
            }
            let (varies, found) = match samples.len() < FEW {
                true => self.by_sorting(samples, node, feature),
                false => self.by_counting(samples, node, feature),
            };
            varied += usize::from(varies);
            if let Some(found) = found
                && best.as_ref().is_none_or(|best| found.gain > best.gain)
            {
                best = Some(found);
            }
        }
        best
    }

    fn by_counting(&self, samples: &[Drawn], node: &Side, feature: usize) -> (bool, Option<Split>) {
        let (numbers, outputs) = (self.bins.of_feature(feature), node.sums.len());
        let mut times = vec![0_u32; self.bins.count(feature)];
        let mut tallies = vec![C::Tally::default(); times.len() * outputs];
        for drawn in samples {
            let key = self.criterion.key(drawn.sample);
            let bin = numbers[drawn.sample as usize] as usize;
            times[bin] += drawn.times;
            let tallies = &mut tallies[bin * outputs..][..outputs];
            self.criterion.tally(tallies, key, drawn.times);
        }
        let mut search = Search::new(self, node, feature);
        let bins = times.iter().zip(tallies.chunks_exact(outputs));
        for (bin, (&times, tallies)) in bins.enumerate() {
            if times > 0 {
                search.bin(bin as u8);
                search.times += times;
                for (output, &tally) in tallies.iter().enumerate() {
                    search.add(output, self.criterion.weigh(output, tally));
                }
            }
        }
        search.end()
    }

    fn by_sorting(&self, samples: &[Drawn], node: &Side, feature: usize) -> (bool, Option<Split>) {
        let numbers = self.bins.of_feature(feature);
        let mut sorted: Vec<(u8, u32, u32)> = (samples.iter())
            .map(|drawn| {
                let key = self.criterion.key(drawn.sample);
                (numbers[drawn.sample as usize], key, drawn.times)
            })
            .collect();
        sorted.sort_unstable();
        let mut search = Search::new(self, node, feature);
        let mut last = None;
        for (bin, key, times) in sorted {
            if last != Some(bin) {
                search.bin(bin);
                last = Some(bin);
            }
            search.times += times;
            let add = |output, weight| search.add(output, weight);
            self.criterion.each(key, times, add);
        }
        search.end()
    }
}

/// The samples on one side of a split, or of a node.
pub struct Side {
    /// How many there are.
    pub times: u32,
    /// What they weigh, output by output.
    pub sums: Vec<f64>,
}

/// Goes through the bins of a feature from left to right and keeps the best split.
struct Search<'a, C> {
    growth: &'a Growth<'a, C>,
    feature: usize,
    left: Vec<f64>,
    right: Vec<f64>,
    /// Samples on the left.
    times: u32,
    /// All samples.
    all: u32,
    last: Option<u8>,
    varies: bool,
    best: Option<Split>,
}

impl<'a, C: Criterion> Search<'a, C> {
    fn new(growth: &'a Growth<'a, C>, node: &Side, feature: usize) -> Self {
        Search {
            growth,
            feature,
            left: vec![0.0; node.sums.len()],
            right: node.sums.clone(),
            times: 0,
            all: node.times,
            last: None,
            varies: false,
            best: None,
        }
    }

    /// A bin with samples begins: all before it could go to the left.
    fn bin(&mut self, bin: u8) {
        let Some(last) = self.last.replace(bin) else {
            return;
        };
        self.varies = true;
        let least = self.growth.min_samples_leaf;
        let (left, right) = (self.times, self.all - self.times);
        if left < least || right < least {
            return;
        }
        let purity = |sums: &[f64], times| self.growth.criterion.purity(sums, times);
        let gain = purity(&self.left, left) + purity(&self.right, right);
        if self.best.as_ref().is_none_or(|best| gain > best.gain) {
            self.best = Some(Split {
                gain,
                feature: self.feature,
                bin: last,
            });
        }
    }

    fn add(&mut self, output: usize, weight: f64) {
        self.left[output] += weight;
        self.right[output] -= weight;
    }

    fn end(self) -> (bool, Option<Split>) {
        (self.varies, self.best)
    }
}

/// Puts those that go left before the others and returns their number. The order within each side does not matter.
fn partition(samples: &mut [Drawn], goes_left: impl Fn(&Drawn) -> bool) -> usize {
    let mut left = 0;
    for place in 0..samples.len() {
        if goes_left(&samples[place]) {
            samples.swap(left, place);
            left += 1;
        }
    }
    left
}

impl Node {
    fn leaf(number: u32) -> Self {
        Node {
            feature: 0,
            threshold: 0.0,
            next: LEAF | number,
        }
    }
}

/// How large a tree has grown.
pub struct Size {
    /// Splits from the root to the farthest leaf.
    pub depth: usize,
    pub leaves: usize,
}

impl Tree {
    pub fn size(&self) -> Size {
        let mut size = Size {
            depth: 0,
            leaves: self.leaves.len() / self.outputs,
        };
        let mut left = vec![(0, 0)];
        while let Some((node, depth)) = left.pop() {
            size.depth = size.depth.max(depth);
            let next = self.nodes[node].next;
            if next & LEAF == 0 {
                let child = next as usize;
                left.extend([(child, depth + 1), (child + 1, depth + 1)]);
            }
        }
        size
    }

    /// What is in the leaf that a sample falls into, output by output.
    pub fn leaf(&self, row: &[f32]) -> &[f32] {
        let mut node = self.nodes[0];
        while node.next & LEAF == 0 {
            let right = usize::from(row[node.feature as usize] > node.threshold);
            node = self.nodes[node.next as usize + right];
        }
        let leaf = (node.next & !LEAF) as usize;
        &self.leaves[leaf * self.outputs..][..self.outputs]
    }

    /// Two for each split, the feature and the threshold, and a number for each output of a leaf.
    pub fn parameters(&self) -> usize {
        2 * (self.nodes.len() / 2) + self.leaves.len()
    }

    /// Writes trees to a state.
    pub fn write(trees: &[Tree], state: &mut Writer) {
        let counts = trees.iter().map(|tree| tree.nodes.len() as u32);
        let nodes = || trees.iter().flat_map(|tree| &tree.nodes);
        state.array("nodes", &counts.collect::<Vec<_>>());
        state.array(
            "thresholds",
            &nodes().map(|node| node.threshold).collect::<Vec<_>>(),
        );
        state.array(
            "features",
            &nodes().map(|node| node.feature).collect::<Vec<_>>(),
        );
        state.array(
            "children",
            &nodes().map(|node| node.next).collect::<Vec<_>>(),
        );
        let leaves = trees.iter().flat_map(|tree| &tree.leaves).copied();
        state.array("leaves", &leaves.collect::<Vec<_>>());
    }

    /// Trees for those who are told the layers: all nodes and leaves in one row.
    pub fn said(trees: &[Tree], outputs: usize) -> Trees {
        let mut said = Trees {
            outputs,
            ..Trees::default()
        };
        for tree in trees {
            let first = said.child.len() as u32;
            let first_leaf = (said.leaves.len() / outputs) as u32;
            said.roots.push(first);
            for node in &tree.nodes {
                let (feature, child) = match node.next & LEAF {
                    0 => (node.feature, first + node.next),
                    _ => (first_leaf + (node.next & !LEAF), 0),
                };
                said.feature.push(feature);
                said.child.push(child);
                said.threshold.push(node.threshold);
            }
            said.leaves.extend_from_slice(&tree.leaves);
        }
        said
    }

    /// Trees that were written, with this many nodes each, for as many features and outputs, of which a leaf holds none but
    /// those `within`. Nothing when they do not hang together: what is read must never lead out of its arrays, nor round in
    /// circles.
    pub fn read(
        counts: &[u32],
        thresholds: &[f32],
        features: &[u32],
        children: &[u32],
        leaves: &[f32],
        (dimensions, outputs): (usize, usize),
        within: impl Fn(f32) -> bool,
    ) -> Option<Vec<Tree>> {
        let all = counts.iter().map(|&count| count as usize).sum::<usize>();
        if [thresholds.len(), features.len(), children.len()] != [all; 3] {
            return None;
        }
        let (mut first, mut first_leaf) = (0, 0);
        let mut trees = Vec::with_capacity(counts.len());
        for &count in counts {
            let range = first..first + count as usize;
            first = range.end;
            let nodes: Vec<Node> = range
                .map(|place| Node {
                    feature: features[place],
                    threshold: thresholds[place],
                    next: children[place],
                })
                .collect();
            // A tree in which every node that splits has two children has one leaf more than splits.
            let leaf_count = nodes.len().div_ceil(2);
            let fits = |(place, node): (usize, &Node)| match node.next & LEAF {
                0 => {
                    let next = node.next as usize;
                    next > place && next + 1 < nodes.len() && (node.feature as usize) < dimensions
                }
                _ => ((node.next & !LEAF) as usize) < leaf_count,
            };
            if nodes.is_empty() || !nodes.iter().enumerate().all(fits) {
                return None;
            }
            let own = leaves.get(first_leaf..first_leaf + leaf_count * outputs)?;
            first_leaf += own.len();
            if !own.iter().all(|&number| within(number)) {
                return None;
            }
            trees.push(Tree {
                nodes,
                leaves: own.to_vec(),
                outputs,
            });
        }
        (first_leaf == leaves.len()).then_some(trees)
    }
}
