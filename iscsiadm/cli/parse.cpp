#include "iscsiadm/cli/parse.hpp"

#include "iscsiadm/cli/nearest.hpp"
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

// Of several -I all modes but discovery take the first, as open-iscsi does.
template <class T>
std::optional<T> first_of(const std::vector<T>& all) {
    return all.empty() ? std::nullopt : std::optional(all.front());
}

parsed<any_mode> as_discovery(option_values&& values) {
    constexpr std::uint16_t isns_port = 3205; // RFC 4171 §2.2
    if (values.type == discovery_type::isns && values.where && values.where->has_usual_port)
        values.where->port = isns_port;
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
    if (values.has('l') && values.has('u'))
        return refuse("Invalid parameters. Both login and logout passed in");
    if ((values.has('l') || values.has('u')) && !values.ops.none())
        return refuse("Invalid parameters. Login/logout and op passed in");
    const bool can_be_dry = values.has('l') || values.has('u') || values.login_all ||
                            values.logout_all || values.ops == operations{.remove = true};
    if (values.has(long_only::dry_run) && !can_be_dry)
        return refuse("--dry-run goes with -l, -L, -u, -U or -o delete");
    if (values.has(long_only::keep_trying) && !values.has('l') && !values.login_all)
        return refuse("--keep-trying goes with -l or -L");
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
        .keep_trying = values.has(long_only::keep_trying),
        .reveal = values.has('S'),
        .dry_run = values.has(long_only::dry_run),
    };
}

bool has_wish_of_session(const option_values& values) {
    return !values.ops.none() || !values.changes.empty() || values.print_level.has_value() ||
           values.has('u') || values.has('R') || values.has('s');
}

// What is asked of sessions and goes with nothing else; all but the last of one session.
constexpr std::array lone_options = {
    long_only::fail_io, long_only::attach, long_only::detach, long_only::luns};

// Whatever is wished beside this option.
bool has_other_wish(const option_values& values, char than) {
    const auto is_another = [&](char option) { return option != than && values.has(option); };
    return has_wish_of_session(values) || std::ranges::any_of(lone_options, is_another);
}

std::optional<refusal> refusal_of_lone(const option_values& values, char option) {
    const bool has_wish = has_other_wish(values, option) || values.has(long_only::dry_run);
    const bool lacks_session = !values.sid && option != long_only::luns;
    if (values.has(option) && (has_wish || lacks_session))
        return refuse(fmt::format("{} goes with -r SID and nothing else", written_form(option)));
    return std::nullopt;
}

// --lun, --attach and --detach go together; nothing without any of them.
parsed<std::optional<lun_order>> lun_order_of(const option_values& values) {
    const bool attaches = values.has(long_only::attach);
    const bool detaches = values.has(long_only::detach);
    if (attaches && detaches)
        return refuse("Invalid parameters. Both --attach and --detach passed in");
    if (values.persist)
        return std::optional<lun_order>();
    if ((attaches || detaches) != values.lun.has_value())
        return refuse(
            "--lun LUN goes with --attach, --detach or --persist, and each of these with --lun"
        );
    if (!values.lun)
        return std::optional<lun_order>();
    return std::optional(lun_order{*values.lun, attaches});
}

// Whether an argument of a verb is there as it must be.
std::optional<refusal> refusal_of_argument(
    const admin::reserve_verb_row& row,
    admin::reserve_argument rule,
    bool is_there,
    std::string_view option
) {
    if (rule == admin::reserve_argument::must && !is_there)
        return refuse(fmt::format("--persist {} needs {}", row.word, option));
    if (rule == admin::reserve_argument::none && is_there)
        return refuse(fmt::format("--persist {} takes no {}", row.word, option));
    return std::nullopt;
}

std::optional<refusal> refusal_of_reservation(const option_values& values) {
    if (!values.persist) {
        const bool is_lost = values.key || values.new_key || values.victim_key;
        return is_lost ? std::optional(refuse("keys go with --persist")) : std::nullopt;
    }
    const bool has_wish = has_other_wish(values, long_only::persist) ||
                          values.has(long_only::dry_run) || values.has(long_only::watch);
    if (has_wish || !values.sid || !values.lun)
        return refuse("--persist goes with -r SID and --lun LUN, and with no other wish");
    const auto& row = admin::row_of(*values.persist);
    for (auto refused :
         {refusal_of_argument(row, row.key, values.key.has_value(), "--key"),
          refusal_of_argument(row, row.new_key, values.new_key.has_value(), "--new-key"),
          refusal_of_argument(row, row.victim_key, values.victim_key.has_value(), "--victim-key"),
          refusal_of_argument(row, row.type, values.reservation_type.has_value(), "-t")})
        if (refused)
            return refused;
    return std::nullopt;
}

std::optional<reservation_wish> reservation_of(const option_values& values) {
    if (!values.persist)
        return std::nullopt;
    return reservation_wish{
        *values.persist,
        *values.lun,
        values.key,
        values.new_key,
        values.victim_key,
        values.reservation_type};
}

bool is_more_than_metrics(const option_values& values) {
    return has_other_wish(values, long_only::metrics) || values.has(long_only::watch) ||
           values.has(long_only::json) || values.has(long_only::dry_run) || values.persist ||
           values.sid;
}

parsed<any_mode> as_session(option_values&& values) {
    const auto one_lun = lun_order_of(values);
    if (!one_lun)
        return one_lun.error();
    if (auto refused = refusal_of_reservation(values))
        return *std::move(refused);
    for (const char option : lone_options)
        if (auto refused = refusal_of_lone(values, option))
            return *std::move(refused);
    if (values.has(long_only::watch) &&
        (has_other_wish(values, long_only::watch) || values.has(long_only::json)))
        return refuse("--watch goes with nothing but -r SID");
    if (values.has(long_only::metrics) && is_more_than_metrics(values))
        return refuse("--metrics goes with nothing else");
    const bool can_be_dry = values.has('u') || values.ops == operations{.remove = true};
    if (values.has(long_only::dry_run) && !can_be_dry)
        return refuse("--dry-run goes with -u or -o delete");
    return session_mode{
        .which = std::move(values.sid),
        .ops = values.ops,
        .changes = std::move(values.changes),
        .print_level = values.print_level,
        .logout = values.has('u'),
        .rescan = values.has('R'),
        .statistics = values.has('s'),
        .reveal = values.has('S'),
        .dry_run = values.has(long_only::dry_run),
        .fail_io = values.has(long_only::fail_io),
        .one_lun = *one_lun,
        .watch = values.has(long_only::watch),
        .metrics = values.has(long_only::metrics),
        .luns = values.has(long_only::luns),
        .reservation = reservation_of(values),
    };
}

parsed<any_mode> as_iface(option_values&& values) {
    return iface_mode{
        .name = first_of(values.interfaces),
        .ops = values.ops,
        .changes = std::move(values.changes),
        .print_level = values.print_level,
        .submode = std::move(values.submode),
        .has_destination = values.has('a'),
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
    return fw_mode{
        .login = values.has('l'),
        .wait = !values.has('W'),
        .changes = std::move(values.changes),
    };
}

// A mode by its word: what it takes and what becomes of it.
struct mode_row {
    std::string_view name;
    std::string_view letters; // the options that the mode takes
    parsed<any_mode> (*build)(option_values&&);
    std::array<char, 13> ours{}; // of long_only, and what they need

    bool takes(char letter) const {
        return letter == long_only::json || letters.find(letter) != std::string_view::npos ||
               std::ranges::find(ours, letter) != ours.end();
    }
};

using long_only::dry_run;

// The letters of each mode are those of open-iscsi's table of allowed options, in its order: a
// script that is accepted there must be accepted here.
constexpr std::array mode_rows = {
    mode_row{"discovery", "DSIPdmntplov", as_discovery},
    mode_row{"discoverydb", "DSIPdmntplov", as_discoverydb},
    mode_row{"node", "RsPIdmlSonvupTULW", as_node, {dry_run, long_only::keep_trying}},
    mode_row{
        "session",
        "PiRdrmusonSv",
        as_session,
        {dry_run,
         long_only::fail_io,
         long_only::lun,
         long_only::attach,
         long_only::detach,
         long_only::watch,
         long_only::metrics,
         long_only::luns,
         long_only::persist,
         long_only::key,
         long_only::new_key,
         long_only::victim_key,
         't'}},
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

std::optional<std::string_view> nearest_mode(std::string_view word) {
    return nearest_word(word, mode_names());
}

// The last line of a refusal.
void add_nearest_option(refusal& why, const given_options& given) {
    std::vector<std::string_view> names;
    for (const option_row& row : option_rows())
        names.push_back(row.name);
    if (const auto nearest = nearest_name(given.unknown_name, names))
        why.lines.push_back(fmt::format("did you mean --{}?", *nearest));
}

// open-iscsi ignores such a word; most often it is a mode without its -m, or the value of an option
// that was mistyped, and then what is done is not what was meant.
refusal stray_word(const std::string& word) {
    const auto nearest = nearest_mode(word);
    return refuse(
        nearest ? fmt::format("'{}' belongs to no option: did you mean -m {}?", word, *nearest)
                : fmt::format("'{}' belongs to no option", word)
    );
}

// A line without -m can only ask for the end of the daemon; everything else gets the hint to
// --help.
parsed<any_mode> without_mode(const given_options& given) {
    if (given.refused != 0)
        return refuse(fmt::format("unrecognized character '{}'", given.refused));
    const given_option* stop = given.find('k');
    if (stop == nullptr) {
        refusal why = refuse("Try `iscsiadm --help' for more information.");
        add_nearest_option(why, given);
        if (!given.rest.empty() && nearest_mode(given.rest.front()))
            why.lines.push_back(stray_word(given.rest.front()).lines.front());
        return why;
    }
    if (stop->argument.starts_with('-'))
        return refuse(fmt::format(
            "Invalid killiscsid priority {} Priority must be greater than or equal to zero.",
            stop->argument
        ));
    if (stop->argument != "0")
        return refuse(fmt::format("Invalid iscsid priority {}. Priority must be 0.", stop->argument)
        );
    return stop_daemon{};
}

// The first line is open-iscsi's.
refusal unknown_mode(std::string_view word) {
    refusal why = refuse("mode -1 is not yet supported");
    const auto nearest = nearest_mode(word);
    why.lines.push_back(
        nearest ? fmt::format("there is no mode '{}': did you mean -m {}?", word, *nearest)
                : fmt::format("there is no mode '{}'", word)
    );
    return why;
}

// The two discovery modes are one there. Whoever asks for help gets it without a mode.
refusal refused_letter(const mode_row& row, char letter, const given_options& given) {
    const bool discovers = row.name.starts_with("discovery");
    refusal why = refuse(fmt::format(
        "{} mode: option '{}' is not allowed/supported",
        discovers ? "discovery" : row.name,
        written_form(letter)
    ));
    if (letter == 'h')
        why.lines.emplace_back("did you mean iscsiadm --help?");
    if (letter == '?')
        add_nearest_option(why, given);
    return why;
}

// In session mode -t is the type of a reservation and nothing else.
bool is_allowed(const mode_row& row, char letter, const given_options& given) {
    const bool is_of_reservation = letter == 't' && row.build == as_session;
    return row.takes(letter) && (!is_of_reservation || given.find(long_only::persist) != nullptr);
}

// The mode is known before any argument is read, so that "-m host -T x" complains of -T and not of
// x.
parsed<const mode_row*> find_mode(const given_options& given) {
    const std::string& word = given.find_last('m')->argument;
    const auto row = std::ranges::find(mode_rows, word, &mode_row::name);
    if (row == mode_rows.end())
        return unknown_mode(word);
    for (const given_option& option : given.options)
        if (!is_allowed(*row, option.letter, given))
            return refused_letter(*row, option.letter, given);
    return row;
}

// open-iscsi's words; those of node mode print fields that are empty.
std::vector<std::string> warnings_of(const mode_row* row, const option_values& values) {
    if (row == nullptr || values.interfaces.size() < 2)
        return {};
    if (row->name == "node")
        return {"NODE mode only accepts one interface. Using the first one driver  hwaddress  "
                "ipaddress ."};
    if (row->name == "iface")
        return {fmt::format(
            "iface mode only accepts one interface. Using the first one {}.",
            values.interfaces.front()
        )};
    return {};
}

// open-iscsi then shows the record, or does what else was asked for, and callers may live with it.
std::string advice_of(const mode_row* row, const option_values& values) {
    const bool is_of_login = row != nullptr && row->name == "fw";
    if (values.changes.empty() || values.ops.update || values.ops.create || is_of_login)
        return {};
    return "-n and -v change nothing here: use -o update";
}

std::string_view incomplete_change(const mode_row* row) {
    return row != nullptr && row->name == "iface" ? "Update requires name, value, and iface."
                                                  : "update requires name and value";
}

parsed<command_line> parse_given(const given_options& given) {
    if (const auto early = early_answer(given))
        return command_line{.what = *early, .warnings = {}};
    const mode_row* row = nullptr;
    if (given.find('m') != nullptr) {
        const parsed<const mode_row*> found = find_mode(given);
        if (!found)
            return found.error();
        row = *found;
        if (!given.rest.empty())
            return stray_word(given.rest.front());
    }
    parsed<option_values> values = read_values(given.options, incomplete_change(row));
    if (!values)
        return values.error();
    // In a discovery -o update says what may happen to the records that it finds.
    const bool discovers = row != nullptr && row->name.starts_with("discovery");
    if (values->ops.update && values->changes.empty() && !discovers)
        return refuse(std::string(incomplete_change(row)));
    const int debug_level = values->debug_level;
    std::vector<std::string> warnings = warnings_of(row, *values);
    std::string advice = advice_of(row, *values);
    parsed<any_mode> what = row == nullptr ? without_mode(given) : row->build(std::move(*values));
    if (!what)
        return what.error();
    return command_line{
        .what = std::move(*what),
        .debug_level = debug_level,
        .warnings = std::move(warnings),
        .advice = std::move(advice)};
}

} // namespace

std::vector<std::string_view> mode_names() {
    std::vector<std::string_view> names(mode_rows.size());
    std::ranges::transform(mode_rows, names.begin(), &mode_row::name);
    return names;
}

bool mode_takes(std::string_view mode, char letter) {
    const auto* const row = std::ranges::find(mode_rows, mode, &mode_row::name);
    return row != mode_rows.end() && row->takes(letter);
}

// --json holds for a refusal, too: whoever reads documents gets one.
parsed<command_line> parse(const std::vector<std::string>& arguments) {
    const given_options given = scan_options(arguments);
    const bool json = given.find(long_only::json) != nullptr;
    auto line = parse_given(given);
    if (line) {
        line->json = json;
        return line;
    }
    refusal why = line.error();
    why.json = json;
    return why;
}

} // namespace iscsi::cli
