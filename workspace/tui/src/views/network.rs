//! Network: layers with shapes and cost, the cut across, what is frozen, and the proof.

use ratatui::{
    buffer::Buffer,
    layout::{Constraint, Layout, Rect},
    style::Style,
    text::{Line, Span},
};
use topwork_events::{NetworkPlan, RowPlan};
use topwork_measure::thousands;
use topwork_results::RowResult;

use crate::{
    columns::{Cell, Column, Table, row_at},
    keys::Action,
    panel::{panel, say},
    scroll::moved,
    text::{fit, fit_title, line, pad, width},
    theme::Theme,
    views::{
        Scene,
        compare::{labels, shown_of},
    },
    watched::Watched,
};

/// What is selected.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Selection {
    /// The selected line.
    pub row: usize,
    /// The network shown: the backbone first, then the heads.
    pub page: usize,
}

/// Draws the view.
pub fn draw(scene: &Scene<'_>, selection: &Selection, area: Rect, buffer: &mut Buffer) {
    let run = scene.run;
    let Some((page, network)) = shown(run, selection) else {
        say(scene.theme, "the networks are not known yet", area, buffer);
        return;
    };
    let (top, bottom) = parts(run, network.part, area);
    let pages = run.state.networks.len();
    let shape = dims(&network.input);
    let part = run.part_name(network.part);
    let title = format!(
        "{}{}: {}, input {shape} · {} of {pages}",
        part.map_or(String::new(), |name| format!("{name} · ")),
        network.role,
        network.component,
        page + 1
    );
    let inner = panel(scene.theme, &title, top, buffer, true);
    let (columns, rows) = table(run, scene.theme, network);
    Table {
        columns: &columns,
        rows: &rows,
        in_sight: selection.row.min(rows.len().saturating_sub(1)),
        selected: true,
        grouped: false,
    }
    .draw(scene.theme, inner, buffer);
    draw_proof(scene, network.part, bottom, buffer);
}

fn parts(run: &Watched, part: usize, area: Rect) -> (Rect, Rect) {
    let strategies = rows_of(run, part).len();
    let wanted = u16::try_from(strategies)
        .unwrap_or(u16::MAX)
        .saturating_add(2);
    let below = if area.height >= 14 {
        wanted.min(area.height / 3)
    } else {
        0
    };
    let [top, bottom] =
        Layout::vertical([Constraint::Fill(1), Constraint::Length(below)]).areas(area);
    (top, bottom)
}

fn shown<'a>(run: &'a Watched, selection: &Selection) -> Option<(usize, &'a NetworkPlan)> {
    let networks = &run.state.networks;
    let page = selection.page.min(networks.len().checked_sub(1)?);
    Some((page, networks.get(page)?))
}

/// The rows of a part of the run.
fn rows_of(run: &Watched, part: usize) -> &[RowPlan] {
    let rows = run.state.plan.as_ref().map_or(&[][..], |plan| &plan.rows);
    let part = run.state.parts.get(part);
    part.and_then(|part| rows.get(part.rows.clone()))
        .unwrap_or(rows)
}

/// Whether a network is the backbone of its part of the run, which is told before its heads.
fn is_backbone(run: &Watched, network: &NetworkPlan) -> bool {
    let mut networks = run.state.networks.iter();
    let first = networks.find(|known| known.part == network.part);
    first.is_some_and(|first| std::ptr::eq(first, network))
}

/// One line per layer, and one for every cut that is made.
fn table(run: &Watched, theme: Theme, network: &NetworkPlan) -> (Vec<Column>, Vec<Vec<Cell>>) {
    let columns = vec![
        Column::number("", 3),
        Column::text("", 1),
        Column::text("layer", 0),
        Column::text("operation", 2),
        Column::text("", 7),
        Column::text("output", 0),
        Column::number("weights", 4),
        Column::number("multiply-adds", 5),
        Column::text("may be cut", 6),
    ];
    let rows = rows_of(run, network.part);
    // Only the backbone is cut.
    let is_backbone = is_backbone(run, network);
    let cuts: Vec<(usize, String)> = if is_backbone {
        cuts(network, rows)
    } else {
        Vec::new()
    };
    let deepest = cuts.iter().map(|(layers, _)| *layers).max();
    let mut lines = Vec::new();
    for (index, layer) in network.layers.iter().enumerate() {
        let number = network.first + index;
        let frozen = is_backbone && rows.iter().any(|row| row.kind != "from-scratch");
        let (mark, style) = match deepest {
            Some(kept) if number > kept => ("", theme.dim()),
            Some(_) if frozen => ("❄", Style::new()),
            _ => ("", Style::new()),
        };
        let places: Vec<&str> = (network.cuts.iter())
            .filter(|cut| cut.layers == number)
            .map(|cut| cut.name.as_str())
            .collect();
        lines.push(
            [
                number.to_string(),
                mark.to_owned(),
                layer.name.clone(),
                layer.op.clone(),
                layer.detail.clone(),
                dims(&layer.output),
                thousands(layer.parameters),
                thousands(layer.multiply_adds),
                places.join(", "),
            ]
            .map(|text| Cell::new(text, style))
            .to_vec(),
        );
        for (_, name) in cuts.iter().filter(|(layers, _)| *layers == number) {
            let words = format!("cut at {name}: {number} layers kept");
            lines.push(vec![Cell::new(words, theme.warning())]);
        }
    }
    let total = |figure: fn(&topwork_events::LayerPlan) -> u64| {
        thousands(network.layers.iter().map(figure).sum())
    };
    let mut sum = vec![Cell::default(); columns.len()];
    sum[2] = Cell::new("in all", theme.title());
    sum[6] = Cell::new(total(|layer| layer.parameters), theme.title());
    sum[7] = Cell::new(total(|layer| layer.multiply_adds), theme.title());
    lines.push(sum);
    (columns, lines)
}

/// The cuts that are made: how many layers stay, and the name.
fn cuts(network: &NetworkPlan, rows: &[RowPlan]) -> Vec<(usize, String)> {
    let mut cuts: Vec<(usize, String)> = Vec::new();
    for row in rows {
        if !row.trunks.is_empty() {
            for trunk in &row.trunks {
                let cut = (trunk.layers, trunk.name.clone());
                if !cuts.contains(&cut) {
                    cuts.push(cut);
                }
            }
            continue;
        }
        // Streams of earlier versions say the name alone, which is that of a cut point where nothing is done there.
        let named = network.cuts.iter().find(|cut| cut.name == row.cut);
        let layers = match row.layers {
            0 => named.map(|cut| cut.layers),
            layers => Some(layers),
        };
        if let Some(layers) = layers
            && !cuts.iter().any(|(_, name)| *name == row.cut)
        {
            cuts.push((layers, row.cut.clone()));
        }
    }
    cuts
}

/// What every strategy of a part of the run leaves as it is, and whether it did.
fn draw_proof(scene: &Scene<'_>, part: usize, area: Rect, buffer: &mut Buffer) {
    if area.is_empty() {
        return;
    }
    let run = scene.run;
    let part = run.state.parts.get(part);
    let of_part = |row: usize| part.is_none_or(|part| part.rows.contains(&row));
    let results: Vec<&RowResult> = (run.tables().iter())
        .flat_map(|table| table.rows.iter().zip(&table.results.strategies))
        .filter(|(row, _)| of_part(**row))
        .map(|(_, strategy)| strategy)
        .collect();
    let shown = shown_of(results.len(), area.height.saturating_sub(2));
    let title = format!("what stays as it is, and the proof{shown}");
    let inner = panel(scene.theme, &title, area, buffer, false);
    let columns = usize::from(inner.width);
    let room = usize::from(inner.height);
    let proofs: Vec<_> = (results.iter())
        .map(|row| proof(scene.theme, row))
        .collect();
    let longest = proofs.iter().map(|proof| width(&proof.words(DIGITS))).max();
    let titles = results.iter().map(|row| width(&row.title)).max();
    // A name has what the proof leaves, and some columns in any case.
    let left = columns.saturating_sub(longest.unwrap_or(0) + 6);
    let name = (titles.unwrap_or(0).min(left.max(28))).min(columns.saturating_sub(4));
    let titles: Vec<String> = match run.has_parts() {
        true => labels(&results, name),
        false => (results.iter())
            .map(|row| fit_title(&row.title, name))
            .collect(),
    };
    for (row, (proof, title)) in proofs.into_iter().zip(titles).enumerate().take(room) {
        let words = proof.fit(columns.saturating_sub(name + 6));
        let (mark, style) = proof.mark;
        line(
            buffer,
            inner,
            row,
            Line::from(vec![
                Span::styled(format!("{mark:<4}"), style),
                Span::raw(pad(&title, name, false)),
                Span::styled(format!("  {words}"), scene.theme.dim()),
            ]),
        );
    }
}

/// Digits that tell digests apart.
const DIGITS: usize = 8;

/// What a row leaves as it is.
struct Proof {
    mark: (&'static str, Style),
    what: String,
    /// The digest of what is frozen, after the row.
    digest: Option<String>,
}

impl Proof {
    /// With so many digits of the digest; details have all of them.
    fn words(&self, digits: usize) -> String {
        match &self.digest {
            Some(digest) => format!("{}, SHA-256 {}", self.what, beginning(digest, digits)),
            None => self.what.clone(),
        }
    }

    /// In so many columns: of a digest its beginning, before any words are cut.
    fn fit(&self, columns: usize) -> String {
        let (Some(digest), least) = (&self.digest, self.words(DIGITS)) else {
            return fit(&self.what, columns);
        };
        match columns.checked_sub(width(&least)) {
            Some(more) => self.words(DIGITS + more),
            None => {
                let digest = beginning(digest, DIGITS);
                fit(&format!("SHA-256 {digest}, {}", self.what), columns)
            }
        }
    }
}

/// So many digits of a digest; unlike a number it may be cut anywhere.
fn beginning(digest: &str, digits: usize) -> String {
    match digest.get(..digits).filter(|_| digest.len() > digits + 1) {
        Some(beginning) => format!("{beginning}…"),
        None => digest.to_owned(),
    }
}

fn proof(theme: Theme, strategy: &RowResult) -> Proof {
    let what = match strategy.kind.as_str() {
        "frozen-backbone" => "trunk frozen, new head trained",
        "feature-classifier" => "trunk and features frozen, classifier fit once",
        "fine-tune" => "layers with multiplier 0 frozen, the rest trained",
        _ => "everything trained from the start",
    };
    let (mark, what) = match strategy.frozen_intact {
        Some(true) => (("❄ ✓", theme.good()), what.to_owned()),
        Some(false) => (("✗", theme.bad()), format!("{what}: it has CHANGED")),
        None if strategy.seeds.is_empty() => (("·", theme.dim()), what.to_owned()),
        None => (("", Style::new()), what.to_owned()),
    };
    let digest = (strategy.seeds.iter()).find_map(|seed| seed.frozen_after.clone());
    Proof {
        mark,
        what,
        digest: digest.filter(|_| strategy.frozen_intact.is_some()),
    }
}

fn dims(shape: &[usize]) -> String {
    let numbers: Vec<_> = shape.iter().map(ToString::to_string).collect();
    numbers.join("×")
}

fn rows(run: &Watched, selection: &Selection, theme: Theme) -> usize {
    shown(run, selection).map_or(0, |(_, network)| table(run, theme, network).1.len())
}

/// What a key asks for.
pub fn act(run: &Watched, selection: &mut Selection, theme: Theme, action: Action) {
    if action == Action::NextPage {
        let pages = run.state.networks.len().max(1);
        *selection = Selection {
            row: 0,
            page: (selection.page + 1) % pages,
        };
    } else {
        selection.row = moved(selection.row, rows(run, selection, theme), 10, action);
    }
}

/// The mouse selects a layer.
pub fn click(run: &Watched, selection: &mut Selection, theme: Theme, area: Rect, row: u16) {
    let part = shown(run, selection).map_or(0, |(_, network)| network.part);
    let (top, _) = parts(run, part, area);
    let inner = Rect {
        y: top.y + 1,
        height: top.height.saturating_sub(2),
        ..top
    };
    if let Some(row) = row_at(inner, row, Some(selection.row), rows(run, selection, theme)) {
        selection.row = row;
    }
}
