#include "iscsiadm/start/start.hpp"

#include "iscsiadm/modes/ibft.hpp"
#include "iscsiadm/print/progress.hpp"
#include "iscsiadm/print/records.hpp"
#include "iscsiadm/start/boot_daemon.hpp"
#include "iscsiadm/start/boot_record.hpp"
#include "iscsiadm/start/network.hpp"

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

// One login after another would wait for each target that is not there: all of them side by side.
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
    exit_code prepare_daemon(const std::string& initiator_name);
    exit_code log_in();
    void take(const admin::login_progress& progress);
    seconds patience() const;

    const request& wanted_;
    const admin::locations& where_;
    std::filesystem::path config_file_;
    admin::config config_;
    boot_daemon daemon_;
    std::vector<admin::record> nodes_;
    admin::login_request_message asked_;
    std::size_t succeeded_ = 0;
};

exit_code login_run::run(const std::vector<cli::boot_target>& targets) {
    for (const std::string& warning : config_.warnings())
        complain(warning);
    if (const auto code = collect(targets); code != exit_code::success)
        return code;
    const auto& name = nodes_.front().get("iface.initiatorname");
    auto code = prepare_daemon(name);
    if (code == exit_code::success)
        code = log_in();
    if (code != exit_code::success)
        daemon_.give_up();
    return code;
}

// As iscsid.socket has it: groups may be let in. Its own things are private in it.
void make_runtime_folder(const std::filesystem::path& folder) {
    std::error_code unused; // what needs it says so
    constexpr auto mode = static_cast<std::filesystem::perms>(0755);
    if (std::filesystem::create_directories(folder, unused))
        std::filesystem::permissions(folder, mode, unused);
}

// Before the daemon starts: see the README.
exit_code login_run::collect(const std::vector<cli::boot_target>& targets) {
    make_runtime_folder(where_.runtime);
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
    admin::record_store store(where_.boot_folder());
    if (const auto written = store.write(*node); !written) {
        complain(written.error().text());
        return written.error().code == to_error_code(admin::file_errc::write_failed)
                   ? exit_code::error
                   : exit_code::invalid;
    }
    nodes_.push_back(*node);
    asked_.nodes.push_back(id_of(*node));
    return exit_code::success;
}

exit_code login_run::prepare_daemon(const std::string& initiator_name) {
    const auto started = daemon_.start({config_file_, initiator_name, wanted_.debug});
    if (!started) {
        complain(started.error().line);
        return exit_code::error;
    }
    const auto outlives = daemon_.outlives_initramfs(config_.daemon_value("iscsid.disk.driver"));
    if (!outlives) {
        complain(outlives.error().line);
        return exit_code::error;
    }
    if (!outlives->empty())
        complain(*outlives);
    return exit_code::success;
}

exit_code login_run::log_in() {
    for (const auto& node : asked_.nodes)
        std::cout << fmt::format(
                         "iscsistart: Logging into {} {}:{},{}",
                         node.target,
                         node.address,
                         node.port,
                         node.group_tag
                     )
                  << std::endl;
    const auto called =
        daemon_.client().log_in(asked_, patience(), [this](const admin::login_progress& progress) {
            take(progress);
        });
    if (!called)
        complain(called.error().text());
    return called && succeeded_ == asked_.nodes.size() ? exit_code::success : exit_code::error;
}

// One that is there already is what was wanted.
void login_run::take(const admin::login_progress& progress) {
    const bool is_there =
        progress.code == exit_code::success || progress.code == exit_code::session_exists;
    succeeded_ += is_there ? 1 : 0;
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
    for (const auto& node : nodes_) {
        const auto tries = node.get_integer("node.session.initial_login_retry_max");
        const auto each = node.get_integer("node.conn[0].timeo.login_timeout");
        most = std::max(most, std::max<std::int64_t>(tries, 1) * std::max<std::int64_t>(each, 1));
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
