// What the admin server answers:
//
//   GET /          the page for people: page_endpoints.h
//   GET /livez     200 while the process can answer at all
//   GET /readyz    200 while mapping versions can be expected, else 503 and why not
//   GET /status    the whole state of the daemon, JSON
//   GET /metrics   the same as metrics, Prometheus text or OpenMetrics
//   GET /v1/history?span=30m|12h                       the main figures over time
//   GET /v1/openapi.json                               the description of these endpoints
//   GET /v1/tables                                     the tables of /status
//   GET /v1/tables/{table}                             one of them
//   GET /v1/tables/{table}/lookup?id=ID                an id's row, and the ids on it
//   GET /v1/tables/{table}/heaviest?count=N&role=R     the most frequent ids
//   GET /v1/tables/{table}/rows/{row}/ids?count=N      the most frequent ids on a row
//   GET /v1/tables/{table}/versions, .../artifact/{version} and so on: version_endpoints.h
//   POST /v1/tables/{table}/publish and so on: action_endpoints.h
//   GET /v1/events                                     server-sent events: event_feed.h
//
// id is what a text log would hold: a decimal number is the id itself, any other text is hashed.
// Errors are {"error": "...", "hint": "..."} with a fitting status.
#pragma once

#include "daemon/admin/router.h"
#include "daemon/application/control.h"
#include "daemon/config/config.h"

namespace remapd::admin {

// `control` must outlive the router.
Router endpoints(application::Control& control, const config::Admin& settings);

}  // namespace remapd::admin
