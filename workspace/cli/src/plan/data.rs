//! What an experiment learns from, in a few lines whatever its size.

use serde::Serialize;
use topwork_measure::{TargetKind, thousands};
use topwork_schema::{Component, DatasetUse, TaskRole, TestSet};
use topwork_worker::Heard;

use crate::experiment::Checked;

/// Columns, as many as any terminal has.
const WIDTH: usize = 80;

/// Where lines begin, behind the word they belong to.
const INDENT: usize = 8;

/// Lines of classes of one task.
const MOST_LINES: usize = 4;

/// Lines from a plugin's log that are shown of one dataset.
const MOST_HEARD: usize = 12;

/// Letters of a class's name.
const LONGEST_NAME: usize = 32;

/// What one task learns from.
#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Task {
    /// Whose data it is.
    pub role: TaskRole,
    /// The target's name, where the experiment has several.
    pub target: Option<String>,
    /// The dataset's component.
    pub dataset: String,
    /// In how many folds the examples are, where they are not split into training and test.
    pub folds: Option<usize>,
    /// What is told of an example: its class, or numbers.
    #[serde(skip_serializing_if = "TargetKind::is_classes")]
    pub targets: TargetKind,
    /// The classes in label order, or what the numbers are.
    pub classes: Vec<Class>,
    /// What plugins said of the dataset, told with the first task that uses it.
    pub said: Vec<Said>,
    /// Further test sets, told with the first task of a target.
    pub tests: Vec<Test>,
}

/// A class; numbers are left out where nobody has counted.
#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Class {
    pub name: String,
    pub train: Option<u64>,
    pub test: Option<u64>,
}

/// A line of a plugin's log.
#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Said {
    pub warning: bool,
    pub text: String,
}

/// A further test set.
#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Test {
    pub name: String,
    pub split: String,
    pub dataset: String,
}

/// Whether all images were compared: a check does not wait for it for ever.
pub fn compared(checked: &Checked) -> bool {
    (checked.catalog()).is_some_and(|catalog| catalog.content.is_some())
}

/// The tasks of all pairs, each once.
pub fn tasks(checked: &Checked) -> Vec<Task> {
    let mut heard_of: Vec<&Component> = Vec::new();
    let mut of_tests: Vec<&Option<String>> = Vec::new();
    let mut known: Vec<(TaskRole, &Option<String>, &DatasetUse)> = Vec::new();
    let mut tasks = Vec::new();
    for plan in checked.plans.plans() {
        let experiment = &plan.experiment;
        let source = (experiment.source.as_ref()).map(|source| {
            let names = &plan.source_classes;
            let kind = TargetKind::Classes;
            (
                TaskRole::Source,
                &None,
                &source.dataset,
                (kind, names),
                None,
            )
        });
        let target = &experiment.target;
        let names = &plan.target_classes;
        let target = (
            TaskRole::Target,
            &plan.target,
            &target.dataset,
            (plan.targets, names),
            target.folds,
        );
        for (role, name, used, (targets, names), folds) in source.into_iter().chain([target]) {
            if known.contains(&(role, name, used)) {
                continue;
            }
            known.push((role, name, used));
            let mut said = Vec::new();
            if !heard_of.contains(&&used.component) {
                heard_of.push(&used.component);
                said = heard(checked, &used.component);
            }
            let mut tests = Vec::new();
            // A target of several backbones is told once.
            if role == TaskRole::Target && !of_tests.contains(&name) {
                of_tests.push(name);
                tests = experiment.target.tests.iter().map(further).collect();
            }
            tasks.push(Task {
                role,
                target: name.clone(),
                dataset: used.component.id().to_owned(),
                folds,
                targets,
                classes: classes(checked, used, names, folds),
                said,
                tests,
            });
        }
    }
    tasks
}

fn further(test: &TestSet) -> Test {
    Test {
        name: test.name.clone(),
        split: test.split.to_string(),
        dataset: test.dataset.component.id().to_owned(),
    }
}

/// What plugins said while the dataset was read.
fn heard(checked: &Checked, dataset: &Component) -> Vec<Said> {
    let of = |heard: &&Heard| heard.dataset == *dataset;
    let said = |heard: &Heard| Said {
        warning: heard.is_warning(),
        text: heard.text.clone(),
    };
    checked.answer.heard.iter().filter(of).map(said).collect()
}

fn classes(
    checked: &Checked,
    used: &DatasetUse,
    names: &[String],
    folds: Option<usize>,
) -> Vec<Class> {
    let counts = |split: &str| -> Option<&Vec<u64>> {
        let of = |counted: &&topwork_schema::Counted| {
            counted.component == used.component && counted.split == split
        };
        let counted = checked.catalog()?.counted.iter().find(of)?;
        counted.classes.as_ref().ok()
    };
    let of_class = |counts: Option<&Vec<u64>>, class: usize| {
        counts.map(|all| all.get(class).copied().unwrap_or(0))
    };
    let train = counts("train");
    let test = counts("test").filter(|_| folds.is_none());
    (names.iter().zip(&used.classes))
        .map(|(name, class)| Class {
            name: name.clone(),
            train: of_class(train, *class),
            test: of_class(test, *class),
        })
        .collect()
}

/// All tasks: dataset, number of examples, classes with their counts, what plugins said of it.
pub fn learns_from(tasks: &[Task], compared: bool) -> String {
    let mut text: String = tasks.iter().map(task).collect();
    if !compared {
        text.push_str("identical images were not looked for to the end; a run does it\n");
    }
    text
}

fn task(task: &Task) -> String {
    let word = match (&task.role, &task.target) {
        (TaskRole::Source, _) => "source".to_owned(),
        (TaskRole::Target, None) => "target".to_owned(),
        (TaskRole::Target, Some(name)) => format!("target {name}: "),
    };
    let id = &task.dataset;
    let train: Option<Vec<u64>> = task.classes.iter().map(|class| class.train).collect();
    let mut text = match train {
        None => format!("{word:<INDENT$}{id}\n"),
        Some(train) => {
            let sum = |counts: &[u64]| thousands(counts.iter().sum());
            let test = match task.folds {
                Some(_) => None,
                None => Some(
                    (task.classes.iter())
                        .map(|class| class.test.unwrap_or(0))
                        .collect::<Vec<u64>>(),
                ),
            };
            let size = match (task.folds, &test) {
                (Some(folds), _) => format!("{} in {folds} folds", sum(&train)),
                (None, test) => {
                    let test = test.as_deref().unwrap_or_default();
                    format!("{} train + {} test", sum(&train), sum(test))
                }
            };
            let names: Vec<&str> = task.classes.iter().map(|class| &*class.name).collect();
            let count = thousands(names.len() as u64);
            if !task.targets.is_classes() {
                return format!(
                    "{word:<INDENT$}{id}, {size}, {}: {}\n",
                    task.targets.word(),
                    some(&names)
                ) + &said(&task.said);
            }
            let mut text = format!("{word:<INDENT$}{id}, {size}, {count} classes\n");
            for line in lines(&names, &train, test.as_deref()) {
                text.push_str(&format!("{:INDENT$}{line}\n", ""));
            }
            text
        }
    };
    text.push_str(&said(&task.said));
    for Test {
        name,
        split,
        dataset,
    } in &task.tests
    {
        text.push_str(&format!(
            "{:INDENT$}further test set {name}: split {split} of {dataset}\n",
            ""
        ));
    }
    text
}

/// The first of some names.
fn some(names: &[&str]) -> String {
    const MOST: usize = 12;
    match names.len().saturating_sub(MOST) {
        0 => names.join(", "),
        more => format!("{} and {more} more", names[..MOST].join(", ")),
    }
}

/// The classes with their counts, in as many lines as there may be.
fn lines(names: &[impl AsRef<str>], train: &[u64], test: Option<&[u64]>) -> Vec<String> {
    let size = |class: usize| match test {
        Some(test) => format!("{} + {}", thousands(train[class]), thousands(test[class])),
        None => thousands(train[class]),
    };
    let all_alike = names.len() > 1 && (1..names.len()).all(|class| size(class) == size(0));
    let last = names.len().saturating_sub(1);
    let words: Vec<String> = (names.iter().enumerate())
        .map(|(class, name)| {
            let name = shortened(name.as_ref());
            let comma = if class < last { "," } else { "" };
            match all_alike {
                true => format!("{name}{comma}"),
                false => format!("{name} ({}){comma}", size(class)),
            }
        })
        .collect();
    let mut lines = Vec::new();
    let each = |line: &mut String| {
        if all_alike {
            line.push_str(&format!(": {} each", size(0)));
        }
    };
    let mut shown = 0;
    let mut line = String::new();
    for word in &words {
        // Room for what may end the last line.
        let reserve = if lines.len() + 1 == MOST_LINES { 30 } else { 0 };
        let long = line.chars().count() + 1 + word.chars().count() + INDENT + reserve > WIDTH;
        if !line.is_empty() && long {
            if lines.len() + 1 == MOST_LINES {
                break;
            }
            lines.push(std::mem::take(&mut line));
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
        shown += 1;
    }
    if shown < words.len() {
        line.push_str(&format!(
            " … {} more",
            thousands((words.len() - shown) as u64)
        ));
    }
    each(&mut line);
    lines.push(line);
    lines
}

fn shortened(name: &str) -> String {
    match name.char_indices().nth(LONGEST_NAME) {
        Some((end, _)) => format!("{}…", &name[..end]),
        None => name.to_owned(),
    }
}

/// The first lines that plugins said.
fn said(all: &[Said]) -> String {
    let mut text = String::new();
    for said in all.iter().take(MOST_HEARD) {
        let mark = if said.warning { "! " } else { "" };
        for line in wrapped(&format!("{mark}{}", said.text)) {
            text.push_str(&format!("{:INDENT$}{line}\n", ""));
        }
    }
    if let Some(more) = all.len().checked_sub(MOST_HEARD).filter(|more| *more > 0) {
        text.push_str(&format!(
            "{:INDENT$}… and {} more\n",
            "",
            thousands(more as u64)
        ));
    }
    text
}

/// The text in lines; words are not cut.
fn wrapped(text: &str) -> Vec<String> {
    let mut lines = Vec::new();
    let mut line = String::new();
    for word in text.split(' ') {
        let long = line.chars().count() + 1 + word.chars().count() + INDENT > WIDTH;
        if !line.is_empty() && long {
            lines.push(std::mem::take(&mut line));
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    lines.push(line);
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thousand_classes_come_in_a_few_lines() {
        let names: Vec<String> = (0..1000).map(|class| format!("class-{class}")).collect();
        let uneven: Vec<u64> = (0..1000).collect();
        let check = |lines: Vec<String>| {
            assert_eq!(lines.len(), MOST_LINES, "{lines:#?}");
            let widest = lines.iter().map(|line| line.chars().count()).max();
            assert!(
                widest.is_some_and(|widest| widest + INDENT <= WIDTH),
                "{lines:#?}"
            );
            assert!(lines[MOST_LINES - 1].contains(" … 9"), "{lines:#?}");
        };
        check(lines(&names, &uneven, Some(&uneven)));
        check(lines(&names, &vec![1300; 1000], Some(&[50; 1000])));
        assert_eq!(
            lines(&names[..3], &[1, 2, 3], Some(&[4, 5, 6])),
            ["class-0 (1 + 4), class-1 (2 + 5), class-2 (3 + 6)"]
        );
        assert_eq!(
            lines(&names[..2], &[1300, 1300], None),
            ["class-0, class-1: 1,300 each"]
        );
    }
}
