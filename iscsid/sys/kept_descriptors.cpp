#include "iscsid/sys/kept_descriptors.hpp"

#include "iscsid/sys/own_unit.hpp"

#include <fcntl.h>
#include <systemd/sd-daemon.h>

#include <chrono>
#include <cstdlib>
#include <iterator>
#include <string_view>
#include <utility>

namespace iscsid::sys {

namespace {

constexpr std::chrono::microseconds barrier_limit = std::chrono::seconds(5);

// Whatever has another name is a socket of systemd.
constexpr std::string_view prefix = "kept-";

std::string name_there(const std::string& name) {
    return std::string(prefix) + name;
}

struct passed_descriptors {
    std::map<std::string, os::descriptor> kept;
    int sockets = 0; // which come first
};

passed_descriptors take_passed() {
    passed_descriptors all;
    char** names = nullptr;
    const int count = ::sd_listen_fds_with_names(0, &names);
    for (int i = 0; i < count; ++i) {
        char* const text = *std::next(names, i);
        const std::string_view name(text);
        if (name.starts_with(prefix))
            all.kept.insert_or_assign(
                std::string(name.substr(prefix.size())), os::descriptor(SD_LISTEN_FDS_START + i)
            );
        else
            ++all.sockets;
        std::free(text); // NOLINT(*-no-malloc): as sd_listen_fds_with_names(3) has it
    }
    std::free(static_cast<void*>(names)); // NOLINT(*-no-malloc)
    return all;
}

// In the order of the messages: systemd has read what was sent before.
bool has_been_read() {
    return ::sd_notify_barrier(0, static_cast<std::uint64_t>(barrier_limit.count())) > 0;
}

} // namespace

std::unique_ptr<kept_descriptors> kept_descriptors::open() {
    auto passed = take_passed();
    if (!passed.kept.empty()) // NOLINTNEXTLINE(concurrency-mt-unsafe): by the only thread
        ::setenv("LISTEN_FDS", std::to_string(passed.sockets).c_str(), 1);
    if (std::getenv("NOTIFY_SOCKET") == nullptr) // NOLINT(concurrency-mt-unsafe)
        return nullptr;
    const auto unit = ask_own_unit();
    if (!unit || unit->descriptors == 0)
        return nullptr;
    std::unique_ptr<kept_descriptors> made(new kept_descriptors(unit->descriptors));
    made->held_ = std::move(passed.kept);
    return made;
}

// FDPOLL: systemd would wake up with every request of the kernel.
bool kept_descriptors::keep(const std::string& name, const os::descriptor& file) {
    const std::scoped_lock lock(guard_);
    if (!is_kept_ || held_.size() >= most_ || held_.contains(name))
        return false;
    const auto words = "FDSTORE=1\nFDPOLL=0\nFDNAME=" + name_there(name);
    const int number = file.number();
    if (::sd_pid_notify_with_fds(0, 0, words.c_str(), &number, 1) <= 0)
        return false;
    if (!has_been_read()) {
        tell_drop(name);
        return false;
    }
    held_.try_emplace(name);
    return true;
}

bool kept_descriptors::has(const std::string& name) const {
    const std::scoped_lock lock(guard_);
    return held_.contains(name);
}

os::descriptor kept_descriptors::take(const std::string& name) {
    const std::scoped_lock lock(guard_);
    const auto found = held_.find(name);
    return found == held_.end() ? os::descriptor() : std::move(found->second);
}

void kept_descriptors::drop(const std::string& name) {
    const std::scoped_lock lock(guard_);
    if (held_.erase(name) > 0)
        tell_drop(name);
}

std::vector<std::string> kept_descriptors::names() const {
    const std::scoped_lock lock(guard_);
    std::vector<std::string> all;
    for (const auto& [name, file] : held_)
        all.push_back(name);
    return all;
}

void kept_descriptors::end() {
    const std::scoped_lock lock(guard_);
    is_kept_ = false;
    for (const auto& [name, file] : held_)
        tell_drop(name);
    held_.clear();
}

void kept_descriptors::tell_drop(const std::string& name) {
    const auto words = "FDSTOREREMOVE=1\nFDNAME=" + name_there(name);
    static_cast<void>(::sd_notify(0, words.c_str()));
}

} // namespace iscsid::sys
