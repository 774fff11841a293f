// The page for people: GET / and GET /assets/{file}, from daemon/web.
#pragma once

#include "daemon/admin/router.h"

namespace remapd::admin {

void add_page_endpoints(Router& router);

}  // namespace remapd::admin
