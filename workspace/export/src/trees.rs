//! Decision trees as nodes that every runtime has: `TreeEnsembleClassifier` is of another operator set, which few do.

use topwork_onnx::Element;
use topwork_scoring::Trees;

use crate::{
    graph::{Builder, Op, Setting},
    scoring::mean,
};

/// All trees are walked down together, a level at a time; who has come to a leaf stays there, as nothing is greater than its
/// threshold and its child is itself.
pub fn write(builder: &mut Builder, trees: &Trees, x: &str) -> String {
    let nodes = || trees.child.iter().zip(&trees.feature).enumerate();
    let feature: Vec<i64> = nodes()
        .map(|(_, (child, feature))| if *child == 0 { 0 } else { i64::from(*feature) })
        .collect();
    let threshold: Vec<f32> = (trees.child.iter().zip(&trees.threshold))
        .map(|(child, threshold)| if *child == 0 { f32::MAX } else { *threshold })
        .collect();
    let next: Vec<i64> = nodes()
        .map(|(node, (child, _))| {
            if *child == 0 {
                node as i64
            } else {
                i64::from(*child)
            }
        })
        .collect();
    let leaf: Vec<i64> = nodes()
        .map(|(_, (child, feature))| if *child == 0 { i64::from(*feature) } else { 0 })
        .collect();
    let mut node = first_level(builder, trees, x, (&feature, &threshold, &next));
    let count = trees.child.len();
    let levels = 1..trees.depth();
    if !levels.is_empty() {
        let feature = builder.integers("feature", &[count], &feature);
        let threshold = builder.floats("threshold", &[count], &threshold);
        let next = builder.integers("child", &[count], &next);
        for _ in levels {
            let feature = of_nodes(builder, "feature-of", &feature, &node);
            let along = [("axis", Setting::Int(1))];
            let inputs = [x, feature.as_str()];
            let values = builder.node(Op("GatherElements", 11), "value", &inputs, &along);
            let threshold = of_nodes(builder, "threshold-of", &threshold, &node);
            let right = turn(builder, &values, &threshold);
            let child = of_nodes(builder, "child-of", &next, &node);
            node = builder.binary("Add", "node", &child, &right);
        }
    }
    let leaf = builder.integers("leaf", &[count], &leaf);
    let leaf = of_nodes(builder, "leaf-of", &leaf, &node);
    let rows = trees.leaves.len() / trees.outputs;
    let leaves = builder.floats("leaves", &[rows, trees.outputs], &trees.leaves);
    let leaves = of_nodes(builder, "answers", &leaves, &leaf);
    mean(builder, &leaves, trees.roots.len(), trees.outputs)
}

/// The nodes behind the roots: these are the same for every row.
fn first_level(
    builder: &mut Builder,
    trees: &Trees,
    x: &str,
    (feature, threshold, next): (&[i64], &[f32], &[i64]),
) -> String {
    let roots = || trees.roots.iter().map(|root| *root as usize);
    let count = [trees.roots.len()];
    let feature: Vec<i64> = roots().map(|root| feature[root]).collect();
    let threshold: Vec<f32> = roots().map(|root| threshold[root]).collect();
    let next: Vec<i64> = roots().map(|root| next[root]).collect();
    let feature = builder.integers("first-feature", &count, &feature);
    let along = [("axis", Setting::Int(1))];
    let values = builder.node(Op("Gather", 1), "value", &[x, &feature], &along);
    let threshold = builder.floats("first-threshold", &count, &threshold);
    let right = turn(builder, &values, &threshold);
    let next = builder.integers("first-child", &count, &next);
    builder.binary("Add", "node", &next, &right)
}

/// The entries of an array at these nodes.
fn of_nodes(builder: &mut Builder, name: &str, array: &str, nodes: &str) -> String {
    let by_rows = [("axis", Setting::Int(0))];
    builder.node(Op("Gather", 1), name, &[array, nodes], &by_rows)
}

/// 1 where the way goes to the right child, else 0.
fn turn(builder: &mut Builder, values: &str, thresholds: &str) -> String {
    let right = builder.node(Op("Greater", 7), "right", &[values, thresholds], &[]);
    let to = Setting::Int(Element::Int64 as i64);
    builder.node(Op("Cast", 6), "step", &[&right], &[("to", to)])
}
