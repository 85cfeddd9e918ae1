#include "libiscsi/admin/json_text.hpp"

#include "libiscsi/admin/message_errc.hpp"

#include <boost/json/basic_parser_impl.hpp>
#include <boost/json/error.hpp>
#include <boost/json/parse.hpp>

#include <set>
#include <vector>

namespace iscsi::admin {

namespace {

namespace json = boost::json;

// Watches a text go by for what the parser itself lets pass: a member that is given twice. Its
// functions are called by boost::json::basic_parser.
// Boost.JSON keeps the last of two members with one name; a client and a proxy that keep different
// ones would disagree about what was asked.
class duplicate_watch {
  public:
    // The parser wants limits; the size of the text is the one that counts.
    static constexpr std::size_t max_array_size = longest_message;
    static constexpr std::size_t max_object_size = longest_message;
    static constexpr std::size_t max_string_size = longest_message;
    static constexpr std::size_t max_key_size = longest_message;

    const std::string& duplicate() const { return duplicate_; }

    bool on_object_begin(json::error_code& /*error*/) {
        objects_.emplace_back();
        return true;
    }

    bool on_object_end(std::size_t /*size*/, json::error_code& /*error*/) {
        objects_.pop_back();
        return true;
    }

    bool on_key_part(json::string_view part, std::size_t /*size*/, json::error_code& /*error*/) {
        key_.append(part.data(), part.size());
        return true;
    }

    bool on_key(json::string_view part, std::size_t /*size*/, json::error_code& /*error*/) {
        key_.append(part.data(), part.size());
        if (!objects_.back().insert(key_).second)
            duplicate_ = key_;
        key_.clear();
        return duplicate_.empty();
    }

    static bool on_document_begin(json::error_code& /*error*/) { return true; }

    static bool on_document_end(json::error_code& /*error*/) { return true; }

    static bool on_array_begin(json::error_code& /*error*/) { return true; }

    static bool on_array_end(std::size_t /*size*/, json::error_code& /*error*/) { return true; }

    static bool
    on_string_part(json::string_view /*part*/, std::size_t /*size*/, json::error_code& /*error*/) {
        return true;
    }

    static bool
    on_string(json::string_view /*part*/, std::size_t /*size*/, json::error_code& /*error*/) {
        return true;
    }

    static bool on_number_part(json::string_view /*part*/, json::error_code& /*error*/) {
        return true;
    }

    static bool
    on_int64(std::int64_t /*value*/, json::string_view /*part*/, json::error_code& /*error*/) {
        return true;
    }

    static bool
    on_uint64(std::uint64_t /*value*/, json::string_view /*part*/, json::error_code& /*error*/) {
        return true;
    }

    static bool
    on_double(double /*value*/, json::string_view /*part*/, json::error_code& /*error*/) {
        return true;
    }

    static bool on_bool(bool /*value*/, json::error_code& /*error*/) { return true; }

    static bool on_null(json::error_code& /*error*/) { return true; }

    static bool on_comment_part(json::string_view /*part*/, json::error_code& /*error*/) {
        return true;
    }

    static bool on_comment(json::string_view /*part*/, json::error_code& /*error*/) { return true; }

  private:
    std::vector<std::set<std::string>> objects_;
    std::string key_;
    std::string duplicate_;
};

// No comments, no trailing commas, no invalid UTF-8: the defaults. Depth is limited because the
// parser recurses.
json::parse_options strict() {
    json::parse_options options;
    options.max_depth = deepest_message;
    return options;
}

// Called for texts that have parsed, so its only possible error is the watch's own "stop".
result<void> check_duplicates(std::string_view text) {
    json::basic_parser<duplicate_watch> parser(strict());
    json::error_code error;
    parser.write_some(false, text.data(), text.size(), error);
    if (parser.handler().duplicate().empty())
        return {};
    return fault{
        to_error_code(message_errc::duplicate_member), parser.handler().duplicate(), "", ""};
}

fault refusal(const json::error_code& error) {
    const auto why =
        error == json::error::too_deep ? message_errc::too_deep : message_errc::malformed;
    return {to_error_code(why), "message", error.message(), ""};
}

} // namespace

result<json::object> parse_object(std::string_view text) {
    if (text.size() > longest_message)
        return fault{
            to_error_code(message_errc::too_long),
            "message",
            std::to_string(text.size()),
            std::to_string(longest_message) + " bytes at most"};
    json::error_code error;
    auto value = json::parse(text, error, {}, strict());
    if (error)
        return refusal(error);
    if (!value.is_object())
        return fault{to_error_code(message_errc::wrong_type), "message", "", "an object"};
    if (auto once = check_duplicates(text); !once)
        return once.error();
    return std::move(value.get_object());
}

} // namespace iscsi::admin
