//! GetItem (semantics 7.2, 12.2).

use crate::access::{Access, Items, Mentions};
use crate::capacity::{Draw, TABLE, item_slot, read_units};
use crate::catalog::ItemsRead;
use crate::error::At;
use crate::index_write::check_key_paths;
use crate::{
    ConsumedCapacity, Demand, Error, ExpressionArguments, Operation, OperationKind, Permit, Result,
    ReturnConsumedCapacity, Service, UnitKind,
};
use cairn_model::{DecodeBudget, Item, StoredItem};
use cairn_storage::{Consistency, Engine, RecordKey};

/// Reads an item.
#[derive(Clone, Debug, Default)]
pub struct GetItem {
    /// The table's name or ARN.
    pub table: String,
    /// The item's key.
    pub key: Item,
    /// Whether to read what was acknowledged last.
    pub consistent: bool,
    /// Which parts of the item; all of it if not said.
    pub projection_expression: Option<String>,
    /// For the expression.
    pub arguments: ExpressionArguments,
    /// Whether to tell the cost.
    pub return_consumed_capacity: ReturnConsumedCapacity,
}

/// What was read.
#[derive(Clone, Debug)]
pub struct GetItemOutput {
    /// The item, if there is one.
    pub item: Option<Item>,
    /// What it cost, if that was asked for.
    pub consumed_capacity: Option<ConsumedCapacity>,
}

impl Operation for GetItem {
    const KIND: OperationKind = OperationKind::GetItem;
    type Output = GetItemOutput;

    fn demand(&self) -> Option<Demand<'_>> {
        Some(Demand { index: None, kind: UnitKind::Read })
    }

    fn accesses(&self) -> Vec<Access<'_>> {
        let items = Items::Listed(vec![("key".into(), &self.key)]);
        let mentions = Mentions {
            projection: self.projection_expression.as_deref(),
            arguments: Some(&self.arguments),
            ..Mentions::default()
        };
        vec![
            Access::to_items("dynamodb:GetItem", &self.table, None, items)
                .mentioning(mentions)
                .selecting(None)
                .costing(self.return_consumed_capacity),
        ]
    }

    async fn execute<E: Engine>(self, service: &Service<E>, permit: &Permit) -> Result<GetItemOutput> {
        let table = permit.table()?;
        let key = self.key.into_attributes(&mut DecodeBudget::item()).map_err(|error| error.at("key"))?;
        let has_expression = self.projection_expression.is_some();
        let mut expressions = self.arguments.check(&service.expressions, has_expression)?;
        let projection = expressions.projection(self.projection_expression.as_deref())?;
        expressions.finish()?;

        let consistency = if self.consistent { Consistency::Strong } else { Consistency::Eventual };
        let failed = |error, _| Error::from(error);
        let asked = [table];
        let read = permit.read(service, &asked, consistency, failed, |tables| {
            let mut keys = Vec::with_capacity(1);
            let mut slot = None;
            for table in tables {
                let key = table.key_schema().key_of_argument(&key).map_err(|error| error.at("key"))?;
                if let Some(projection) = &projection {
                    check_key_paths(table, "projection_expression", projection.paths())?;
                }
                let key = RecordKey::new(table.items(), key.storage_key());
                slot = item_slot(&key.key);
                table.capacity.admit(UnitKind::Read, TABLE, slot)?;
                keys.push(key);
            }
            Ok((slot, keys))
        });
        let ItemsRead { tables, plan: slot, records, .. } = read.await?;
        let stored = records.into_iter().next().flatten().map(StoredItem::read);
        let units = read_units(stored.as_ref().map_or(0, StoredItem::size), self.consistent);
        for table in tables {
            table.capacity.settle(UnitKind::Read, &[Draw { index: TABLE, slot, units }]);
        }
        let item = match (stored, projection) {
            (None, _) => None,
            (Some(stored), None) => Some(stored.item()?),
            (Some(stored), Some(projection)) => Some(projection.apply(&stored.attributes()?).into()),
        };
        Ok(GetItemOutput {
            item,
            consumed_capacity: self.return_consumed_capacity.report(&table.reference.given, units),
        })
    }
}
