//! The operations on backups that tools call before there are any.

use crate::items::TABLE;
use crate::request::{Encoder, Request, encode};
use crate::shape::{ANY, Unserved, shape};
use cairn_ops::{DescribeContinuousBackups, Error, ListBackups};
use serde::Serialize;

shape! {
    DescribeContinuousBackupsInput {
        "TableName" table: String = TABLE;
    }
}

shape! {
    ListBackupsInput {
        "TableName" table: String = ANY.length(1, 1024);
        "Limit" limit: i32 = ANY.range(1, 100);
        "TimeRangeLowerBound" from: Unserved;
        "TimeRangeUpperBound" to: Unserved;
        "ExclusiveStartBackupArn" start: String = ANY.length(37, 1024);
        "BackupType" kind: String = ANY.one_of(&["USER", "SYSTEM", "AWS_BACKUP", "ALL"]);
    }
}

impl Request for DescribeContinuousBackupsInput {
    type Operation = DescribeContinuousBackups;

    fn encoder(&self) -> Encoder<DescribeContinuousBackups> {
        // The outer status is ENABLED of every table, as DynamoDB has it; clients look at the inner one.
        |()| {
            encode(&ContinuousBackupsAnswer {
                continuous_backups_description: ContinuousBackupsJson {
                    continuous_backups_status: "ENABLED",
                    point_in_time_recovery_description: PointInTimeRecoveryJson {
                        point_in_time_recovery_status: "DISABLED",
                    },
                },
            })
        }
    }

    fn into_operation(self) -> Result<DescribeContinuousBackups, Error> {
        Ok(DescribeContinuousBackups { table: self.table.unwrap_or_default() })
    }
}

impl Request for ListBackupsInput {
    type Operation = ListBackups;

    fn encoder(&self) -> Encoder<ListBackups> {
        |()| encode(&ListBackupsAnswer { backup_summaries: [] })
    }

    fn into_operation(self) -> Result<ListBackups, Error> {
        Ok(ListBackups {})
    }
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct ContinuousBackupsAnswer {
    continuous_backups_description: ContinuousBackupsJson,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct ContinuousBackupsJson {
    continuous_backups_status: &'static str,
    point_in_time_recovery_description: PointInTimeRecoveryJson,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct PointInTimeRecoveryJson {
    point_in_time_recovery_status: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct ListBackupsAnswer {
    backup_summaries: [(); 0],
}
