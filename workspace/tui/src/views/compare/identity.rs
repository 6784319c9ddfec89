//! The columns that say which row it is.

use ratatui::style::Style;
use topwork_results::{Place, RowResult};

use super::rows::Row;
use crate::columns::{Cell, Column};

/// The columns that say which row it is.
#[derive(Clone, Copy)]
pub struct Identity {
    /// Strategy, backbone and cut by themselves.
    split: bool,
    /// The rank within the target, which rows of several runs have not in common.
    ranked: bool,
    backbones: bool,
    cuts: bool,
}

impl Identity {
    /// Those of these rows.
    pub fn of(split: bool, several_runs: bool, rows: &[&RowResult]) -> Self {
        Self {
            split,
            ranked: !several_runs && (split || rows.iter().any(|row| row.rank.is_some())),
            backbones: split && rows.iter().any(|row| row.backbone.is_some()),
            cuts: split && rows.windows(2).any(|pair| pair[0].cut != pair[1].cut),
        }
    }

    /// The columns.
    pub fn columns(self) -> Vec<Column> {
        let rank = self.ranked.then(|| Column {
            tight: self.split,
            ..Column::number("rank", u8::from(!self.split))
        });
        if !self.split {
            return rank.into_iter().chain([Column::name("strategy")]).collect();
        }
        let backbone = self.backbones.then(|| Column::name("backbone"));
        let cut = self.cuts.then(|| Column::name("cut"));
        let columns = [rank, Some(Column::name("strategy")), backbone, cut];
        columns.into_iter().flatten().collect()
    }

    /// What a row says in them.
    pub fn cells(self, row: &Row, style: Style) -> Vec<Cell> {
        let rank = row.result().rank;
        let rank = rank.map_or(String::new(), |rank| rank.to_string());
        if !self.split {
            let rank = self.ranked.then(|| Cell::new(rank, style));
            let name = Cell::new(row.name.clone(), style);
            return rank.into_iter().chain([name]).collect();
        }
        self.with_rank(rank, row.strategy(), Some(row.result()), style)
    }

    fn with_rank(
        self,
        rank: String,
        strategy: String,
        row: Option<&RowResult>,
        style: Style,
    ) -> Vec<Cell> {
        let text = |text: Option<&str>| Cell::new(text.unwrap_or_default(), style);
        let backbone = text(row.and_then(|row| row.backbone.as_deref()));
        let cut = text(row.map(|row| row.cut.as_str()));
        let cells = [
            self.ranked.then(|| Cell::new(rank, style)),
            Some(Cell::new(strategy, style)),
            self.backbones.then_some(backbone),
            self.cuts.then_some(cut),
        ];
        cells.into_iter().flatten().collect()
    }

    /// A row over all targets: its mean rank where others have their rank, and no figures.
    pub fn rank_cells(self, place: &Place, row: Option<&Row>, columns: usize) -> Vec<Cell> {
        let rank = format!("{:.2}", place.mean_rank);
        let strategy = row.map_or_else(|| place.title.clone(), Row::strategy);
        let row = row.map(Row::result);
        let mut cells = self.with_rank(rank, strategy, row, Style::new());
        cells.resize(columns, Cell::default());
        cells
    }
}
