//! The operations on the expiry of items.

use crate::items::TABLE;
use crate::request::{Encoder, Request, encode};
use crate::shape::{REQUIRED, shape};
use cairn_ops::{
    DescribeTimeToLive, Error, TimeToLiveDescription, TimeToLiveSpecification, TimeToLiveStatus,
    UpdateTimeToLive,
};
use serde::Serialize;

shape! {
    UpdateTimeToLiveInput {
        "TableName" table: String = TABLE;
        "TimeToLiveSpecification" specification: SpecificationInput = REQUIRED;
    }
}

shape! {
    SpecificationInput {
        "Enabled" enabled: bool = REQUIRED;
        "AttributeName" attribute: String = REQUIRED.length(1, 255);
    }
}

shape! {
    DescribeTimeToLiveInput {
        "TableName" table: String = TABLE;
    }
}

impl Request for UpdateTimeToLiveInput {
    type Operation = UpdateTimeToLive;

    fn encoder(&self) -> Encoder<UpdateTimeToLive> {
        |TimeToLiveSpecification { enabled, attribute }| {
            encode(&UpdateAnswer {
                time_to_live_specification: SpecificationAnswer { enabled, attribute_name: attribute },
            })
        }
    }

    fn into_operation(self) -> Result<UpdateTimeToLive, Error> {
        let specification = self.specification.map(|asked| TimeToLiveSpecification {
            enabled: asked.enabled,
            attribute: asked.attribute.unwrap_or_default(),
        });
        Ok(UpdateTimeToLive { table: self.table.unwrap_or_default(), specification })
    }
}

impl Request for DescribeTimeToLiveInput {
    type Operation = DescribeTimeToLive;

    fn encoder(&self) -> Encoder<DescribeTimeToLive> {
        |TimeToLiveDescription { status, attribute }| {
            let time_to_live_status = match status {
                TimeToLiveStatus::Enabling => "ENABLING",
                TimeToLiveStatus::Enabled => "ENABLED",
                TimeToLiveStatus::Disabling => "DISABLING",
                TimeToLiveStatus::Disabled => "DISABLED",
            };
            encode(&DescribeAnswer {
                time_to_live_description: DescriptionAnswer {
                    time_to_live_status,
                    attribute_name: attribute,
                },
            })
        }
    }

    fn into_operation(self) -> Result<DescribeTimeToLive, Error> {
        Ok(DescribeTimeToLive { table: self.table.unwrap_or_default() })
    }
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct UpdateAnswer {
    time_to_live_specification: SpecificationAnswer,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct SpecificationAnswer {
    enabled: Option<bool>,
    attribute_name: String,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct DescribeAnswer {
    time_to_live_description: DescriptionAnswer,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct DescriptionAnswer {
    time_to_live_status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    attribute_name: Option<String>,
}
