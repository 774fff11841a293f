// Status as JSON, for /status and the page. Names and units: docs/admin-api.md. Absent values are
// null; 64-bit ids, which JSON readers may round, are strings.
#pragma once

#include <nlohmann/json_fwd.hpp>

#include "daemon/application/control.h"
#include "daemon/application/status.h"

namespace remapd::admin {

nlohmann::ordered_json to_json(const application::Status& status);
nlohmann::ordered_json to_json(const application::TableStatus& table);
nlohmann::ordered_json to_json(const application::HistoryPoint& point);
// An entry of /v1/tables/T/versions. `kept`: the version can be downloaded.
nlohmann::ordered_json to_json(const application::VersionRecord& record, bool kept);
nlohmann::ordered_json to_json(const pipeline::IdStats& id);
nlohmann::ordered_json to_json(const application::IdReport& report);

}  // namespace remapd::admin
