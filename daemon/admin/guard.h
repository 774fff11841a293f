// Guard: who may ask for what. Pure but for the credentials it is given; for the server's thread.
//
//   on loopback      the Host header must name this machine (localhost, 127.0.0.1, [::1]): a page
//   of
//                    another site whose name is made to resolve to 127.0.0.1 (DNS rebinding) would
//                    else read everything: 403. Probes excepted.
//   actions (POST)   need the bearer token: 403 where none is configured, 401 without it; and must
//                    not come from another site's page: 403
//   everything else  free, where only this machine can connect; else it needs the token too, as a
//                    bearer token or, for browsers, as the password of Basic authentication. The
//                    probes /livez and /readyz are always free.
#pragma once

#include <optional>

#include "daemon/admin/credentials.h"
#include "daemon/admin/http.h"

namespace remapd::admin {

// Who can connect.
enum class Reach {
  kSocket,    // who may open the unix socket
  kLoopback,  // this machine, browsers with it
  kNetwork,
};

class Guard {
 public:
  Guard(Reach reach, Credentials credentials)
      : reach_(reach), credentials_(std::move(credentials)) {}

  void replace(Credentials credentials) { credentials_ = std::move(credentials); }
  const Credentials& credentials() const { return credentials_; }

  // What to answer instead; none: it may pass.
  std::optional<Response> refuse(const Request& request) const;

 private:
  std::optional<Response> refuse_action(const Request& request) const;

  Reach reach_;
  Credentials credentials_;
};

// A probe, which is always answered.
bool is_probe(const Request& request);

}  // namespace remapd::admin
