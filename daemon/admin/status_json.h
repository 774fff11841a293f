// Status as JSON, for /status and the page. Names and units: docs/admin-api.md. Absent values are null;
// 64-bit ids, which JSON readers may round, are strings.
#pragma once

#include <nlohmann/json_fwd.hpp>

#include "daemon/application/control.h"
#include "daemon/application/status.h"

namespace remapd::admin {

nlohmann::ordered_json to_json(const daemon::Status& status);
nlohmann::ordered_json to_json(const daemon::TableStatus& table);
nlohmann::ordered_json to_json(const daemon::HistoryPoint& point);
// An entry of /v1/tables/T/versions. `kept`: the version can be downloaded.
nlohmann::ordered_json to_json(const daemon::VersionRecord& record, bool kept);
nlohmann::ordered_json to_json(const pipeline::IdStats& id);
nlohmann::ordered_json to_json(const daemon::IdReport& report);

}  // namespace remapd::admin
