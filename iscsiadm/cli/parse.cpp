#include "iscsiadm/cli/parse.hpp"

#include "iscsiadm/cli/options.hpp"
#include "iscsiadm/cli/values.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <array>

namespace iscsi::cli {

namespace {

refusal refuse(std::string line) {
    return {{std::move(line)}};
}

// Of several -I all modes but discovery take the first, as open-iscsi does; node mode refuses a
// second one.
template <class T>
std::optional<T> first_of(const std::vector<T>& all) {
    return all.empty() ? std::nullopt : std::optional(all.front());
}

parsed<any_mode> as_discovery(option_values&& values) {
    return discovery_mode{
        .type = values.type,
        .where = std::move(values.where),
        .interfaces = std::move(values.interfaces),
        .ops = values.ops,
        .changes = std::move(values.changes),
        .print_level = values.print_level,
        .discover = values.has('D'),
        .login = values.has('l'),
        .reveal = values.has('S'),
    };
}

// The two discovery modes take the same options; they differ in where the record comes from.
parsed<any_mode> as_discoverydb(option_values&& values) {
    parsed<any_mode> what = as_discovery(std::move(values));
    std::get<discovery_mode>(*what).database = true;
    return what;
}

// Only what contradicts itself is refused here. What merely has no effect (-W without -l) is let
// pass, because it is let pass there.
parsed<any_mode> as_node(option_values&& values) {
    if (values.interfaces.size() > 1)
        return refuse("NODE mode only accepts one interface.");
    if (values.has('l') && values.has('u'))
        return refuse("Invalid parameters. Both login and logout passed in");
    if ((values.has('l') || values.has('u')) && !values.ops.none())
        return refuse("Invalid parameters. Login/logout and op passed in");
    return node_mode{
        .target = std::move(values.target),
        .where = std::move(values.where),
        .interface = first_of(values.interfaces),
        .ops = values.ops,
        .changes = std::move(values.changes),
        .print_level = values.print_level,
        .login_all = values.login_all,
        .logout_all = values.logout_all,
        .login = values.has('l'),
        .logout = values.has('u'),
        .rescan = values.has('R'),
        .statistics = values.has('s'),
        .wait = !values.has('W'),
        .reveal = values.has('S'),
    };
}

parsed<any_mode> as_session(option_values&& values) {
    return session_mode{
        .which = std::move(values.sid),
        .ops = values.ops,
        .changes = std::move(values.changes),
        .print_level = values.print_level,
        .logout = values.has('u'),
        .rescan = values.has('R'),
        .statistics = values.has('s'),
        .reveal = values.has('S'),
    };
}

parsed<any_mode> as_iface(option_values&& values) {
    return iface_mode{
        .name = first_of(values.interfaces),
        .ops = values.ops,
        .changes = std::move(values.changes),
        .print_level = values.print_level,
        .submode = std::move(values.submode),
    };
}

parsed<any_mode> as_host(option_values&& values) {
    return host_mode{
        .which = std::move(values.host),
        .print_level = values.print_level,
        .submode = std::move(values.submode),
    };
}

parsed<any_mode> as_fw(option_values&& values) {
    return fw_mode{.login = values.has('l')};
}

// A mode by its word: what it takes and what becomes of it.
struct mode_row {
    std::string_view name;
    std::string_view letters; // the options that the mode takes
    parsed<any_mode> (*build)(option_values&&);
};

// The letters of each mode are those of open-iscsi's table of allowed options, in its order: a
// script that is accepted there must be accepted here.
constexpr std::array mode_rows = {
    mode_row{"discovery", "DSIPdmntplov", as_discovery},
    mode_row{"discoverydb", "DSIPdmntplov", as_discoverydb},
    mode_row{"node", "RsPIdmlSonvupTULW", as_node},
    mode_row{"session", "PiRdrmusonSv", as_session},
    mode_row{"iface", "HIdnvmPoCabci", as_iface},
    mode_row{"host", "CHdmPotnvxA", as_host},
    mode_row{"fw", "dmlWnv", as_fw},
};

// -h and -V answer at once, unless a mode came before them.
// Also before anything else on the line is looked at: "-h --no-such-option" prints the usage.
std::optional<any_mode> early_answer(const given_options& given) {
    for (const given_option& option : given.options) {
        if (option.letter == 'm')
            break;
        if (option.letter == 'h')
            return show_usage{};
        if (option.letter == 'V')
            return show_version{};
    }
    return std::nullopt;
}

// A line without -m can only ask for the end of the daemon; everything else gets the hint to
// --help.
parsed<any_mode> without_mode(const given_options& given) {
    if (given.refused != 0)
        return refuse(fmt::format("unrecognized character '{}'", given.refused));
    const given_option* stop = given.find('k');
    if (stop == nullptr)
        return refuse("Try `iscsiadm --help' for more information.");
    if (stop->argument != "0")
        return refuse(fmt::format("Invalid iscsid priority {}. Priority must be 0.", stop->argument)
        );
    return stop_daemon{};
}

// The mode is known before any argument is read, so that "-m host -T x" complains of -T and not of
// x.
parsed<const mode_row*> find_mode(const given_options& given) {
    const auto row = std::ranges::find(mode_rows, given.find('m')->argument, &mode_row::name);
    if (row == mode_rows.end())
        return refuse("mode -1 is not yet supported"); // open-iscsi's words
    for (const given_option& option : given.options)
        if (row->letters.find(option.letter) == std::string_view::npos)
            return refuse(fmt::format(
                "{} mode: option '-{}' is not allowed/supported", row->name, option.letter
            ));
    return row;
}

} // namespace

parsed<command_line> parse(const std::vector<std::string>& arguments) {
    const given_options given = scan_options(arguments);
    if (const auto early = early_answer(given))
        return command_line{.what = *early, .ignored = {}};
    const mode_row* row = nullptr;
    if (given.find('m') != nullptr) {
        const parsed<const mode_row*> found = find_mode(given);
        if (!found)
            return found.error();
        row = *found;
    }
    parsed<option_values> values = read_values(given.options);
    if (!values)
        return values.error();
    // In a discovery -o update says what may happen to the records that it finds.
    const bool discovers = row != nullptr && row->name.starts_with("discovery");
    if (values->ops.update && values->changes.empty() && !discovers)
        return refuse("update requires name and value");
    const int debug_level = values->debug_level;
    parsed<any_mode> what = row == nullptr ? without_mode(given) : row->build(std::move(*values));
    if (!what)
        return what.error();
    return command_line{std::move(*what), debug_level, given.rest};
}

} // namespace iscsi::cli
