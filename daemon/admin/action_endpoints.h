// What operators can ask the daemon to do:
//
//   POST /v1/tables/{table}/publish
//   POST /v1/tables/{table}/freeze
//   POST /v1/tables/{table}/unfreeze
//   POST /v1/tables/{table}/rollback   {"version": V}
//   POST /v1/log-level                 {"level": "debug"}
//
// Answered when it is done. Who may ask is the guard's business (guard.h).
#pragma once

#include "daemon/admin/router.h"
#include "daemon/application/control.h"

namespace remapd::admin {

// `control` must outlive the router.
void add_action_endpoints(application::Control& control, Router& router);

}  // namespace remapd::admin
