#include "iscsiadm/cli/values.hpp"

#include "iscsiadm/cli/lun.hpp"
#include "iscsiadm/cli/nearest.hpp"
#include "iscsiadm/cli/portal.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <charconv>

namespace iscsi::cli {

namespace {

// All of these end with exit_code::invalid (7).
refusal refuse(std::string line) {
    return {{std::move(line)}};
}

constexpr std::string_view usage_hint = "Try `iscsiadm --help' for more information.";

// A level beyond its highest is refused here only where no mode could take it; each mode refuses
// its own later, in other words.
parsed<int> level_of(const std::string& text, std::string_view what, int highest) {
    int level = 0;
    const char* end = text.data() + text.size();
    const auto [stop, error] = std::from_chars(text.data(), end, level);
    if (error != std::errc{} || stop != end || level < 0 || level > highest)
        return refuse(fmt::format("Invalid {} level {}.", what, text));
    return level;
}

// The first line is open-iscsi's where it has one.
refusal refuse_word(
    std::string line,
    std::string_view option,
    std::string_view word,
    std::span<const std::string_view> known
) {
    refusal why = refuse(std::move(line));
    if (auto nearest = did_you_mean(option, word, known))
        why.lines.push_back(*std::move(nearest));
    return why;
}

template <class Rows>
std::vector<std::string_view> words_in(const Rows& rows) {
    std::vector<std::string_view> words;
    words.reserve(std::size(rows));
    for (const auto& row : rows)
        words.push_back(row.word);
    return words;
}

// The words of -t. SLP has a refusal of its own, as in open-iscsi.
parsed<discovery_type> type_of(const std::string& word) {
    if (word == "st" || word == "sendtargets")
        return discovery_type::send_targets;
    if (word == "isns")
        return discovery_type::isns;
    if (word == "fw")
        return discovery_type::firmware;
    if (word == "slp")
        return refuse("SLP discovery is not fully implemented yet.");
    static constexpr std::array<std::string_view, 4> words = {"sendtargets", "st", "isns", "fw"};
    return refuse_word(
        fmt::format("can not recognize discovery type: '{}'", word), "-t", word, words
    );
}

template <class Rows>
std::string words_of(const Rows& rows) {
    std::string all;
    for (const std::string_view word : words_in(rows))
        all += fmt::format("{}{}", all.empty() ? "" : ", ", word);
    return all;
}

parsed<admin::reserve_verb> reserve_verb_of(const std::string& word) {
    if (const auto* const row = admin::find_reserve_verb(word))
        return row->verb;
    const auto verbs = admin::reserve_verbs();
    return refuse_word(
        fmt::format("can not recognize verb: '{}', expected one of {}", word, words_of(verbs)),
        "--persist",
        word,
        words_in(verbs)
    );
}

parsed<std::uint8_t> reservation_type_of(const std::string& word) {
    if (const auto type = admin::reservation_type_of(word))
        return *type;
    const auto types = admin::reservation_types();
    return refuse_word(
        fmt::format(
            "can not recognize type of reservation: '{}', expected one of {}", word, words_of(types)
        ),
        "-t",
        word,
        words_in(types)
    );
}

parsed<std::uint64_t> reservation_key_of(const std::string& text) {
    if (const auto key = admin::read_reservation_key(text))
        return *key;
    return refuse(fmt::format(
        "can not recognize reservation key: '{}', expected up to 64 bits, decimal or behind 0x",
        text
    ));
}

constexpr std::array<std::string_view, 4> startup_words = {"all", "manual", "automatic", "onboot"};

// -L and -U.
refusal refuse_startup(std::string_view what, std::string_view option, const std::string& word) {
    const auto known = std::span(startup_words).first(option == "-U" ? 3 : 4); // no onboot
    refusal why =
        refuse_word(fmt::format("Invalid {} option {}.", what, word), option, word, known);
    why.lines.insert(why.lines.begin() + 1, std::string(usage_hint));
    return why;
}

// Without a fault: -L and -U refuse in different words.
std::optional<startup> startup_of(const std::string& word) {
    if (word == "all")
        return startup::all;
    if (word == "manual")
        return startup::manual;
    if (word == "automatic")
        return startup::automatic;
    if (word == "onboot")
        return startup::onboot;
    return std::nullopt;
}

// Operations add up: "-o new -o delete" means both in a discovery.
parsed<void> add_operation(operations& ops, const std::string& word) {
    struct row {
        std::string_view word;
        bool operations::*flag;
    };

    static constexpr std::array rows = {
        row{"new", &operations::create},
        row{"delete", &operations::remove},
        row{"update", &operations::update},
        row{"show", &operations::show},
        row{"nonpersistent", &operations::nonpersistent},
        row{"apply", &operations::apply},
        row{"applyall", &operations::apply_all},
        row{"login", &operations::login},
        row{"logout", &operations::logout},
        row{"import", &operations::import},
    };
    for (const row& known : rows) {
        if (known.word != word)
            continue;
        ops.*known.flag = true;
        return boost::system::in_place_value;
    }
    return refuse_word(
        fmt::format("can not recognize operation: '{}'", word), "-o", word, words_in(rows)
    );
}

// Reads one option after the other.
// It keeps the halves of -n/-v until their other half comes, in either order, as open-iscsi does.
class reader {
  public:
    // `reserves`: -t is the type of a reservation.
    reader(std::string_view incomplete, bool reserves)
        : incomplete_(incomplete), reserves_(reserves) {}

    parsed<void> take(const given_option& option);
    parsed<option_values> finish() &&;

  private:
    parsed<void> take_type(const std::string& word);
    parsed<void> take_ours(const given_option& option);
    parsed<void> take_interface(const std::string& name);
    parsed<void> take_half(std::optional<std::string>& half, const std::string& text);
    refusal lone_half() const;
    parsed<void> take_login_all(const std::string& word);
    parsed<void> take_logout_all(const std::string& word);

    template <class To, class From>
    static parsed<void> store(To& to, const parsed<From>& from) {
        if (!from)
            return from.error();
        to = *from;
        return boost::system::in_place_value;
    }

    static parsed<void> keep(std::optional<std::string>& to, const std::string& text) {
        to = text;
        return boost::system::in_place_value;
    }

    option_values values_;
    std::string_view incomplete_;
    bool reserves_;
    std::optional<std::string> name_, value_; // halves that wait for each other
};

parsed<void> reader::take(const given_option& option) {
    constexpr int highest_print_level = 99, highest_debug_level = 8;
    const std::string& text = option.argument;
    switch (option.letter) {
    case 'p':
        return store(values_.where, parse_portal(text));
    case 'T':
        return keep(values_.target, text);
    case 'I':
        return take_interface(text);
    case 'o':
        return add_operation(values_.ops, text);
    case 't':
        return take_type(text);
    case 'n':
        return take_half(name_, text);
    case 'v':
        return take_half(value_, text);
    case 'H':
        return keep(values_.host, text);
    case 'r':
        return keep(values_.sid, text);
    case 'C':
        return keep(values_.submode, text);
    case 'P':
        return store(values_.print_level, level_of(text, "info", highest_print_level));
    case 'd':
        return store(values_.debug_level, level_of(text, "debug", highest_debug_level));
    case long_only::lun:
        return store(values_.lun, parse_lun(text));
    case 'L':
        return take_login_all(text);
    case 'U':
        return take_logout_all(text);
    default:
        return take_ours(option);
    }
}

// What open-iscsi does not have, and all that has no argument.
parsed<void> reader::take_ours(const given_option& option) {
    const std::string& text = option.argument;
    switch (option.letter) {
    case long_only::persist:
        return store(values_.persist, reserve_verb_of(text));
    case long_only::key:
        return store(values_.key, reservation_key_of(text));
    case long_only::new_key:
        return store(values_.new_key, reservation_key_of(text));
    case long_only::victim_key:
        return store(values_.victim_key, reservation_key_of(text));
    default:
        values_.flags += option.letter;
        return boost::system::in_place_value;
    }
}

parsed<void> reader::take_type(const std::string& word) {
    return reserves_ ? store(values_.reservation_type, reservation_type_of(word))
                     : store(values_.type, type_of(word));
}

// The length is that of open-iscsi's structure (ISCSI_MAX_IFACE_LEN 65, with its NUL). Whether such
// a record exists is for the mode to find out.
parsed<void> reader::take_interface(const std::string& name) {
    constexpr std::size_t longest = 64;
    if (name.empty() || name.size() > longest)
        return refuse(
            fmt::format("Invalid iface name {}. Must be from 1 to {} characters.", name, longest)
        );
    values_.interfaces.push_back(name);
    return boost::system::in_place_value;
}

// A second -n before its -v would make it unclear which value belongs to which name.
parsed<void> reader::take_half(std::optional<std::string>& half, const std::string& text) {
    if (half)
        return lone_half();
    half = text;
    if (name_ && value_) {
        values_.changes.emplace_back(*name_, *value_);
        name_.reset();
        value_.reset();
    }
    return boost::system::in_place_value;
}

// "-n KEY=VALUE" is how other tools write it.
refusal reader::lone_half() const {
    refusal why = refuse(std::string(incomplete_));
    const auto sign = name_ ? name_->find('=') : std::string::npos;
    if (sign != std::string::npos)
        why.lines.push_back(fmt::format(
            "did you mean -n {} -v {}?", name_->substr(0, sign), name_->substr(sign + 1)
        ));
    return why;
}

parsed<void> reader::take_login_all(const std::string& word) {
    values_.login_all = startup_of(word);
    if (!values_.login_all)
        return refuse_startup("loginall", "-L", word);
    return boost::system::in_place_value;
}

// onboot is not taken: it would end the session of the root disk.
parsed<void> reader::take_logout_all(const std::string& word) {
    values_.logout_all = startup_of(word);
    if (!values_.logout_all || values_.logout_all == startup::onboot)
        return refuse_startup("logoutall", "-U", word);
    return boost::system::in_place_value;
}

// Called once, after the last option: only then is it known that a half stays alone.
parsed<option_values> reader::finish() && {
    if (name_.has_value() || value_.has_value())
        return lone_half();
    return std::move(values_);
}

} // namespace

parsed<option_values>
read_values(const std::vector<given_option>& options, std::string_view incomplete) {
    const auto has_verb = [](const given_option& option) {
        return option.letter == long_only::persist;
    };
    reader one_by_one(incomplete, std::ranges::any_of(options, has_verb));
    for (const given_option& option : options)
        if (const auto taken = one_by_one.take(option); !taken)
            return taken.error();
    return std::move(one_by_one).finish();
}

} // namespace iscsi::cli
