// The real binary as its users run it: exit codes, signals, reload, standard streams.
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include "connectors/http/http_client.h"
#include "tests/support/temp_dir.h"

namespace remapd {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;
using test_support::read_file;
using test_support::TempDir;
using test_support::write_file;
using testing::HasSubstr;

// remapd with these arguments, its output in files of a directory.
class Remapd {
 public:
  Remapd(const TempDir& dir, std::vector<std::string> arguments, const std::string& out = "out")
      : err_(dir / "err") {
    arguments.insert(arguments.begin(), REMAPD_BINARY_DIR "/bin/remapd");
    std::vector<char*> argv;
    for (std::string& argument : arguments) argv.push_back(argument.data());
    argv.push_back(nullptr);
    const fs::path out_path = out.starts_with('/') ? fs::path(out) : dir / out;
    pid_ = ::fork();
    if (pid_ == 0) {
      if (::chdir(dir.path().c_str()) != 0) ::_exit(99);
      ::dup2(::open(out_path.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600), STDOUT_FILENO);
      ::dup2(::open(err_.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600), STDERR_FILENO);
      ::execv(argv[0], argv.data());
      ::_exit(99);
    }
  }
  ~Remapd() {
    if (pid_ <= 0) return;
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
  }
  Remapd(const Remapd&) = delete;
  Remapd& operator=(const Remapd&) = delete;

  void signal(int number) const { ASSERT_EQ(::kill(pid_, number), 0); }
  std::string log() const { return fs::exists(err_) ? read_file(err_) : ""; }

  // Until the log holds `text`.
  bool logs(const std::string& text) const {
    const auto deadline = std::chrono::steady_clock::now() + 60s;
    while (log().find(text) == std::string::npos) {
      if (std::chrono::steady_clock::now() > deadline) return false;
      std::this_thread::sleep_for(20ms);
    }
    return true;
  }
  // The exit code; 128 + n where signal n ended it.
  int wait() {
    int status = 0;
    while (::waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
    }
    pid_ = 0;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  }

 private:
  fs::path err_;
  pid_t pid_ = 0;
};

std::string config_text(const std::string& more) {
  return "[source.file]\npath = \"events.tsv\"\n" + more +
         "[admin]\nlisten = \"\"\n"
         "[[table]]\nname = \"user\"\nrows = 100\nmax_tracked_ids = 10000\n"
         "[[table]]\nname = \"item\"\nrows = 100\nmax_tracked_ids = 10000\n"
         "[[feature]]\nname = \"user\"\n[[feature]]\nname = \"item\"\n";
}

class RemapdRun : public testing::Test {
 protected:
  RemapdRun() {
    Remapd generate(dir_, {"generate", "--out", "events.tsv", "--samples", "6000", "--users",
                           "1000", "--items", "1000"});
    EXPECT_EQ(generate.wait(), 0);
  }
  TempDir dir_;
};

TEST_F(RemapdRun, AMinimalConfigurationReadsALogIntoADirectory) {
  write_file(dir_ / "c.toml", config_text(""));
  Remapd daemon(dir_, {"run", "--config", "c.toml"});
  ASSERT_EQ(daemon.wait(), 0) << daemon.log();
  EXPECT_THAT(daemon.log(), HasSubstr("published table=item"));
  EXPECT_TRUE(fs::exists(dir_ / "mappings/user/epoch.json"));
  Remapd inspect(dir_, {"inspect", "mappings"});
  EXPECT_EQ(inspect.wait(), 0);
  EXPECT_THAT(read_file(dir_ / "out"), HasSubstr("all checksums hold"));
  // Started again, it finds that everything has been read.
  Remapd again(dir_, {"run", "--config", "c.toml"});
  EXPECT_EQ(again.wait(), 0);
  EXPECT_THAT(again.log(), HasSubstr("goes on from a checkpoint"));
}

TEST_F(RemapdRun, ReloadsAndStopsOnSignals) {
  write_file(dir_ / "c.toml", config_text("at_end = \"wait\"\n"));
  Remapd daemon(dir_, {"run", "--config", "c.toml"});
  ASSERT_TRUE(daemon.logs("has been read to its end")) << daemon.log();
  write_file(dir_ / "c.toml", config_text("at_end = \"wait\"\n[log]\nlevel = \"debug\"\n"
                                          "[sink]\nretain_versions = 3\n"));
  daemon.signal(SIGHUP);
  ASSERT_TRUE(daemon.logs("configuration reloaded")) << daemon.log();
  EXPECT_THAT(daemon.log(), HasSubstr("applied key=log.level"));
  EXPECT_THAT(daemon.log(), HasSubstr("takes effect after a restart key=sink.retain_versions"));
  write_file(dir_ / "c.toml", config_text("at_ende = \"wait\"\n"));
  daemon.signal(SIGHUP);
  ASSERT_TRUE(daemon.logs("configuration not reloaded")) << daemon.log();
  EXPECT_THAT(daemon.log(), HasSubstr("did you mean"));
  daemon.signal(SIGTERM);
  EXPECT_EQ(daemon.wait(), 0) << daemon.log();
  EXPECT_THAT(daemon.log(), HasSubstr("stopped samples="));
  EXPECT_FALSE(fs::is_empty(dir_ / "checkpoints"));
}

TEST_F(RemapdRun, ASecondSignalMakesItHurry) {
  write_file(dir_ / "c.toml", config_text("at_end = \"wait\"\n"));
  Remapd daemon(dir_, {"run", "--config", "c.toml"});
  ASSERT_TRUE(daemon.logs("begins with empty statistics")) << daemon.log();
  daemon.signal(SIGINT);
  std::this_thread::sleep_for(1ms);
  daemon.signal(SIGTERM);
  EXPECT_EQ(daemon.wait(), 0) << daemon.log();
}

TEST_F(RemapdRun, ExitCodesSayWhoHasToAct) {
  write_file(dir_ / "bad.toml", config_text("pth = \"x\"\n"));
  write_file(dir_ / "c.toml", config_text(""));
  const std::pair<std::vector<std::string>, int> cases[] = {
      {{"run"}, 64},
      {{"runn"}, 64},
      {{"run", "--config", "void.toml"}, 78},
      {{"run", "--config", "bad.toml"}, 78},
      {{"check-config", "--config", "bad.toml"}, 78},
      {{"run", "--config", "c.toml", "--set", "source.file.path=void.tsv"}, 74},
      {{"inspect", "c.toml"}, 1},
      {{"lookup", "void", "1"}, 74},
      {{"version"}, 0}};
  for (const auto& [arguments, code] : cases) {
    Remapd remapd(dir_, arguments);
    EXPECT_EQ(remapd.wait(), code) << remapd.log();
  }
}

TEST_F(RemapdRun, SecretsStayWhereTheyAre) {
  const std::string secrets[] = {"a-kafka-password-of-its-own", "a-token-of-its-own-0123456789"};
  write_file(dir_ / "password", secrets[0]);
  write_file(dir_ / "token", secrets[1]);
  std::string config = config_text("at_end = \"wait\"\n");
  const std::string silent = "listen = \"\"\n";
  config.replace(config.find(silent), silent.size(),
                 "listen = \"127.0.0.1:0\"\ntoken_file = \"token\"\n");
  // Nobody listens on port 1: what is said of that is said with the settings at hand.
  write_file(dir_ / "c.toml",
             config +
                 "[log]\nlevel = \"debug\"\n[dead_letter]\nkind = \"kafka\"\n"
                 "[kafka]\nbrokers = \"127.0.0.1:1\"\n[kafka.properties]\n"
                 "\"security.protocol\" = \"SASL_PLAINTEXT\"\n\"sasl.mechanisms\" = \"PLAIN\"\n"
                 "\"sasl.username\" = \"remapd\"\n\"debug\" = \"security,broker\"\n"
                 "[kafka.secret_files]\n\"sasl.password\" = \"password\"\n");
  Remapd daemon(dir_, {"run", "--config", "c.toml"});
  ASSERT_TRUE(daemon.logs("admin server")) << daemon.log();
  ASSERT_TRUE(daemon.logs("Connection refused")) << daemon.log();
  const std::string log = daemon.log();
  const std::size_t port = log.find(" port=", log.find("admin server")) + 6;
  auto client = http::HttpClient::create(
      {.url = "http://127.0.0.1:" + log.substr(port, log.find('\n', port) - port)});
  ASSERT_TRUE(client) << client.error().message;
  std::string said;
  for (const char* path : {"/status", "/metrics", "/", "/v1/tables", "/v1/history"}) {
    const auto response = (*client)->get(path, {});
    ASSERT_TRUE(response) << response.error().message;
    EXPECT_EQ(response->status, 200) << path;
    said += as_text(response->body);
  }
  daemon.signal(SIGTERM);
  daemon.wait();
  said += daemon.log();
  Remapd printed(dir_, {"check-config", "--print", "--offline", "--config", "c.toml"});
  EXPECT_EQ(printed.wait(), 0);
  said += read_file(dir_ / "out") + printed.log();
  EXPECT_THAT(said, HasSubstr("sasl.password"));
  for (const std::string& secret : secrets) EXPECT_THAT(said, testing::Not(HasSubstr(secret)));
}

TEST_F(RemapdRun, AFullStandardOutputIsAnError) {
  if (!fs::exists("/dev/full")) GTEST_SKIP() << "this machine has no /dev/full";
  Remapd remapd(dir_, {"check-config", "--print-default"}, "/dev/full");
  EXPECT_EQ(remapd.wait(), 74);
}

}  // namespace
}  // namespace remapd
