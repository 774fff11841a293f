// AdminServer: the HTTP server of a running daemon, on Boost.Asio and Beast.
//
//   auto server = AdminServer::create(config.admin, router, log);   // listens from here on
//   (*server)->start();  ...  (*server)->stop();
//
// One thread serves all connections; endpoints must not block it. HTTP/1.1 with keep-alive. Bounds,
// so that a client cannot exhaust the daemon: connections at a time (one more is answered 503 and
// closed), time until a request's head is complete and then until its body is (else the connection
// is closed), size of head (16 KiB) and body (413), one request at a time per connection, time for
// an endpoint to answer (504), and time in which a client must take some of a response. Beyond the
// bound a few more connections may send one request within a second, so that probes are answered.
// Headers forbid browsers to cache, frame and sniff.
//
// It listens on a TCP port, with TLS or without, or on a unix socket (mode 0660). The files that
// hold token, certificate and key are read again when they change, which is looked for every two
// seconds, and on reload(); new ones that cannot be used are told in the log and change nothing.
// Who may do what: guard.h. Every action is logged.
//
// create(), start(), stop() and the destructor on one thread; everything else on any.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>

#include "core/base/result.h"
#include "daemon/admin/router.h"
#include "daemon/config/config.h"
#include "daemon/logging/logger.h"

namespace remapd::admin {

class AdminServer {
 public:
  // `log` must outlive it. kConfig naming the key of [admin] to change: it cannot be listened on,
  // or a file cannot be used; kUnavailable (retryable): it is in use; port 0 takes a free one.
  static Result<std::unique_ptr<AdminServer>> create(const config::Admin& settings, Router router,
                                                     logging::Logger& log);
  ~AdminServer();  // stop()

  void start();
  // Answers what it has begun to answer, for at most a second, and closes everything.
  void stop();

  // Reads token, certificate and key anew.
  void reload();

  std::uint16_t port() const;  // 0: a unix socket

 private:
  class Impl;
  explicit AdminServer(std::unique_ptr<Impl> impl);

  std::unique_ptr<Impl> impl_;
};

}  // namespace remapd::admin
