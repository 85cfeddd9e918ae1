#include "tests/integration/iscsiadm/program_run.hpp"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>

#include <chrono>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <thread>

namespace iscsi::cli {

namespace {

std::string text_of(const std::filesystem::path& file) {
    std::ifstream from(file, std::ios::binary);
    return {std::istreambuf_iterator<char>(from), {}};
}

std::vector<char*> pointers_to(std::vector<std::string>& words) {
    std::vector<char*> all;
    for (std::string& word : words)
        all.push_back(word.data());
    all.push_back(nullptr);
    return all;
}

int exit_code_of_status(int status) {
    constexpr int signalled = 128;
    return WIFEXITED(status) ? WEXITSTATUS(status) : signalled + WTERMSIG(status);
}

} // namespace

program_run::program_run(
    const std::filesystem::path& folder,
    std::vector<std::string> words,
    const std::map<std::string, std::string>& environment
)
    : out_(folder / "out"), err_(folder / "err") {
    std::vector<std::string> settings;
    for (const auto& [name, value] : environment)
        settings.push_back(name + "=" + value);
    posix_spawn_file_actions_t files;
    ::posix_spawn_file_actions_init(&files);
    constexpr int flags = O_WRONLY | O_CREAT | O_TRUNC, readable = 0600;
    ::posix_spawn_file_actions_addopen(&files, 1, out_.c_str(), flags, readable);
    ::posix_spawn_file_actions_addopen(&files, 2, err_.c_str(), flags, readable);
    const auto argv = pointers_to(words), envp = pointers_to(settings);
    const int error =
        ::posix_spawn(&pid_, words.front().c_str(), &files, nullptr, argv.data(), envp.data());
    ::posix_spawn_file_actions_destroy(&files);
    if (error != 0)
        throw std::runtime_error("cannot start " + words.front());
}

program_run::~program_run() {
    if (pid_ < 0)
        return;
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
}

int program_run::wait() {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::minutes(1);
    while (std::chrono::steady_clock::now() < deadline) {
        int status = 0;
        if (::waitpid(pid_, &status, WNOHANG) == pid_) {
            pid_ = -1;
            return exit_code_of_status(status);
        }
        std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    return -1;
}

void program_run::signal(int number) const {
    ::kill(pid_, number);
}

std::string program_run::out() const {
    return text_of(out_);
}

std::string program_run::err() const {
    return text_of(err_);
}

} // namespace iscsi::cli
