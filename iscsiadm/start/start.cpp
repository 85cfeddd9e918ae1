#include "iscsiadm/start/start.hpp"

#include "iscsiadm/modes/ibft.hpp"
#include "iscsiadm/print/progress.hpp"
#include "iscsiadm/print/records.hpp"
#include "iscsiadm/start/boot_daemon.hpp"
#include "iscsiadm/start/boot_record.hpp"
#include "iscsiadm/start/interruption.hpp"
#include "iscsiadm/start/network.hpp"
#include "iscsiadm/start/users_file.hpp"

#include "libiscsi/admin/file_lock.hpp"
#include "libiscsi/admin/files.hpp"
#include "libiscsi/admin/record_store.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <chrono>
#include <iostream>

namespace iscsi::start {

namespace {

using admin::exit_code;
using std::chrono::seconds;

void complain(std::string_view line) {
    std::cerr << "iscsistart: " << line << std::endl;
}

std::vector<cli::boot_target> firmware_targets(const std::filesystem::path& sysfs) {
    auto found = cli::read_ibft(sysfs);
    for (const std::string& warning : found.warnings)
        complain(warning);
    return std::move(found.targets);
}

// The words of each are open-iscsi's, on stdout.
exit_code without_firmware(std::string_view words) {
    std::cout << words << std::endl;
    return exit_code::no_objects_found;
}

exit_code print_firmware(const std::filesystem::path& sysfs) {
    const auto targets = firmware_targets(sysfs);
    if (targets.empty())
        return without_firmware("Could not get list of targets from firmware.");
    for (const auto& target : targets)
        std::cout << cli::show_settings(cli::settings_of(target), false);
    return std::cout.flush() ? exit_code::success : exit_code::error;
}

exit_code bring_up_network(const std::filesystem::path& sysfs) {
    const auto targets = firmware_targets(sysfs);
    if (targets.empty())
        return without_firmware("Could not setup fw entries.");
    const auto failed = bring_up(targets);
    for (const auto& line : failed)
        complain(line);
    return failed.empty() ? exit_code::success : exit_code::error;
}

// Thrown to leave a call that waits for an answer.
struct interruption {};

// Of one record.
struct attempt {
    admin::record node;
    bool is_written = false; // by this call; else there was a session that has it
    exit_code code = exit_code::error;
};

// One login after another would wait for each target that is not there: all of them side by side.
// Other calls may do the same meanwhile: one at a time joins them, or leaves (README).
class login_run {
  public:
    login_run(const request& wanted, const admin::locations& where)
        : wanted_(wanted)
        , where_(where)
        , config_file_(wanted.config_file.value_or(where.config_file()))
        , config_(admin::config::load(config_file_))
        , daemon_(where) {}

    exit_code run(const std::vector<cli::boot_target>& targets);

  private:
    exit_code collect(const std::vector<cli::boot_target>& targets);
    exit_code add(const result<admin::record>& node);
    result<admin::file_lock> take_turn() const;
    exit_code join();
    exit_code write_records();
    exit_code look_at_disks();
    exit_code log_in();
    void leave(bool is_good);
    void settle(const attempt& what, const std::vector<admin::session_info>& sessions);
    void take(const admin::login_progress& progress);
    seconds patience() const;

    const request& wanted_;
    const admin::locations& where_;
    std::filesystem::path config_file_;
    admin::config config_;
    boot_daemon daemon_;
    std::optional<users_file> users_;
    std::vector<attempt> attempts_;
};

constexpr std::string_view whole_daemon = "daemon"; // no name of a record

std::string name_of(const admin::node_id& id) {
    return fmt::format("{} {}:{},{}", id.target, id.address, id.port, id.group_tag);
}

bool has_session(const std::vector<admin::session_info>& sessions, const admin::record& node) {
    const auto id = id_of(node);
    return std::ranges::any_of(sessions, [&id](const auto& session) {
        return session.node.target == id.target && session.node.address == id.address &&
               session.node.port == id.port;
    });
}

exit_code login_run::run(const std::vector<cli::boot_target>& targets) {
    std::error_code why; // a file that was named is meant: its driver, and its CHAP
    if (wanted_.config_file && !std::filesystem::exists(config_file_, why)) {
        complain(fmt::format("-c {}: there is no such file", config_file_.string()));
        return exit_code::invalid;
    }
    for (const std::string& warning : config_.warnings())
        complain(warning);
    auto code = collect(targets);
    if (code != exit_code::success)
        return code;
    code = join();
    if (code == exit_code::success)
        code = look_at_disks();
    try {
        if (code == exit_code::success)
            code = log_in();
    } catch (const interruption& /*by a signal*/) {
        complain("interrupted");
        code = exit_code::error;
    }
    leave(code == exit_code::success);
    if (is_interrupted())
        end_as_interrupted();
    return code;
}

exit_code login_run::collect(const std::vector<cli::boot_target>& targets) {
    if (wanted_.verb == request::what::log_in)
        return add(record_of(wanted_, config_));
    for (const auto& target : targets)
        if (const auto code = add(record_of(target, wanted_, config_)); code != exit_code::success)
            return code;
    return exit_code::success;
}

exit_code login_run::add(const result<admin::record>& node) {
    if (!node) {
        complain(node.error().text());
        return exit_code::invalid;
    }
    attempts_.push_back({*node});
    return exit_code::success;
}

// As iscsid.socket has it: groups may be let in. Its own things are private in it.
void make_runtime_folder(const std::filesystem::path& folder) {
    std::error_code unused; // what needs it says so
    constexpr auto mode = static_cast<std::filesystem::perms>(0755);
    if (std::filesystem::create_directories(folder, unused))
        std::filesystem::permissions(folder, mode, unused);
}

// The longest that one may take: the end of a daemon, and the start of another.
result<admin::file_lock> login_run::take_turn() const {
    constexpr std::chrono::minutes longest{2};
    return admin::file_lock::take(where_.boot_folder() / "turn.lock", longest);
}

exit_code login_run::join() {
    const auto fail = [](std::string_view why) {
        complain(why);
        return exit_code::error;
    };
    make_runtime_folder(where_.runtime);
    if (auto made = admin::real_files().make_folder(where_.boot_folder()); !made)
        return fail(made.error().text());
    const auto turn = take_turn();
    if (!turn)
        return fail(turn.error().text());
    auto users = users_file::open(where_.boot_folder() / "users");
    if (!users)
        return fail(users.error().text());
    note_interruptions();
    users_.emplace(*std::move(users)).use(whole_daemon);
    if (const auto free = daemon_.make_way(); !free)
        return fail(free.error().line);
    if (const auto code = write_records(); code != exit_code::success)
        return code;
    const auto& name = attempts_.front().node.get("iface.initiatorname");
    if (const auto started = daemon_.start({config_file_, name, wanted_.debug}); !started)
        return fail(started.error().line);
    return exit_code::success;
}

// Before the daemon starts: see the README. What a session has is not changed.
exit_code login_run::write_records() {
    const auto sessions = daemon_.sessions().value_or(std::vector<admin::session_info>());
    admin::record_store store(where_.boot_folder());
    for (auto& each : attempts_) {
        users_->use(name_of(id_of(each.node)));
        if (has_session(sessions, each.node))
            continue;
        if (const auto written = store.write(each.node); !written) {
            complain(written.error().text());
            return written.error().code == to_error_code(admin::file_errc::write_failed)
                       ? exit_code::error
                       : exit_code::invalid;
        }
        each.is_written = true;
    }
    return exit_code::success;
}

exit_code login_run::look_at_disks() {
    const auto outlives = daemon_.outlives_initramfs(config_.daemon_value("iscsid.disk.driver"));
    if (!outlives) {
        complain(outlives.error().line);
        return exit_code::error;
    }
    if (!outlives->empty())
        complain(*outlives);
    return exit_code::success;
}

void login_run::leave(bool is_good) {
    if (!users_)
        return;
    daemon_.client().on_silence([] {}); // what is to be ended is waited for, interrupted or not
    const auto turn = take_turn();
    if (!turn) {
        complain(turn.error().text());
        return;
    }
    // First: a login that nobody waits for any more must not succeed without its record.
    if (users_->leave(whole_daemon) && !is_good)
        if (const auto ended = daemon_.give_up(); !ended)
            complain(ended.error().line);
    if (const auto sessions = daemon_.sessions())
        for (const auto& each : attempts_)
            settle(each, *sessions);
}

// A login that has failed leaves no secret, unless another call needs the same record.
void login_run::settle(const attempt& what, const std::vector<admin::session_info>& sessions) {
    const auto id = id_of(what.node);
    const bool is_last = users_->leave(name_of(id));
    if (!is_last || !what.is_written || what.code == exit_code::success ||
        has_session(sessions, what.node))
        return;
    if (const auto removed = admin::record_store(where_.boot_folder()).remove(id); !removed)
        complain(removed.error().text());
}

exit_code login_run::log_in() {
    admin::login_request_message asked;
    for (const auto& each : attempts_) {
        asked.nodes.push_back(id_of(each.node));
        std::cout << "iscsistart: Logging into " << name_of(asked.nodes.back()) << std::endl;
    }
    const auto listen = [this](const admin::login_progress& progress) { take(progress); };
    daemon_.client().on_silence([] {
        if (is_interrupted())
            throw interruption();
    });
    const auto called = daemon_.client().log_in(asked, patience(), listen);
    if (!called)
        complain(called.error().text());
    const bool is_good = std::ranges::all_of(attempts_, [](const attempt& each) {
        return each.code == exit_code::success;
    });
    return called && is_good ? exit_code::success : exit_code::error;
}

// One that is there already is what was wanted.
void login_run::take(const admin::login_progress& progress) {
    const bool is_there =
        progress.code == exit_code::success || progress.code == exit_code::session_exists;
    if (is_there && progress.index < attempts_.size())
        attempts_[progress.index].code = exit_code::success;
    if (!is_there) {
        complain(cli::reported_error(progress.code));
        if (!progress.detail.empty())
            complain(progress.detail);
    }
    for (const auto& warning : progress.warnings)
        complain(warning);
}

// As long as iscsid may try, and a margin to find the disks.
seconds login_run::patience() const {
    constexpr seconds margin{60};
    constexpr std::int64_t longest = 24L * 3600;
    std::int64_t most = 0;
    for (const auto& each : attempts_) {
        const auto tries = each.node.get_integer("node.session.initial_login_retry_max");
        const auto longest_try = each.node.get_integer("node.conn[0].timeo.login_timeout");
        most = std::max(
            most, std::max<std::int64_t>(tries, 1) * std::max<std::int64_t>(longest_try, 1)
        );
    }
    return seconds(std::min(most, longest)) + margin;
}

exit_code log_in_to_firmware(
    const request& wanted, const admin::locations& where, const std::filesystem::path& sysfs
) {
    const auto targets = firmware_targets(sysfs);
    if (targets.empty())
        return without_firmware("Could not get boot entry.");
    if (targets.front().initiator_name.empty() && wanted.initiator_name.empty()) {
        complain("InitiatorName not set. Exiting iscsistart");
        return exit_code::invalid;
    }
    return login_run(wanted, where).run(targets);
}

} // namespace

exit_code
start(const request& wanted, const admin::locations& where, const std::filesystem::path& sysfs) {
    switch (wanted.verb) {
    case request::what::print_firmware:
        return print_firmware(sysfs);
    case request::what::bring_up_network:
        return bring_up_network(sysfs);
    case request::what::log_in_firmware:
        return log_in_to_firmware(wanted, where, sysfs);
    case request::what::log_in:
        return login_run(wanted, where).run({});
    case request::what::help:
    case request::what::version:
        break;
    }
    return exit_code::internal;
}

} // namespace iscsi::start
