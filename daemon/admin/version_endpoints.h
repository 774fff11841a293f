// Mapping versions over HTTP: what was built of a table, and the newest versions to download.
//
//   GET /v1/tables/{table}/versions
//   GET /v1/tables/{table}/{manifest,artifact,delta,plan}/{version}
//
// A version is a number or "latest". What is served of a number never changes: it has a strong ETag
// and may be cached for ever. One byte range at a time is served (206, 416); If-Range and
// If-None-Match are heeded.
#pragma once

#include "daemon/admin/router.h"
#include "daemon/application/control.h"

namespace remapd::admin {

// `control` must outlive the router.
void add_version_endpoints(application::Control& control, Router& router);

// The body with its validators, ranges and conditions. `immutable`: it may be cached for ever.
Response conditional_response(const Request& request, std::string_view content_type,
                              mapping::BlobPtr blob, std::uint64_t checksum, bool immutable);

}  // namespace remapd::admin
