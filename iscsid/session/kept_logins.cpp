#include "iscsid/session/kept_logins.hpp"

#include "iscsid/os/files.hpp"

#include "libiscsi/admin/messages.hpp"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include <cerrno>
#include <ctime>
#include <system_error>
#include <utility>

namespace iscsid::session {

namespace admin = iscsi::admin;
namespace fs = std::filesystem;
namespace json = boost::json;

namespace {

constexpr std::size_t longest_file = std::size_t{64} << 20U;

iscsi::fault failed(kept_logins_errc why, const fs::path& file, std::string got) {
    return {iscsi::to_error_code(why), file.string(), std::move(got), {}};
}

std::string words_of(int error) {
    return std::generic_category().message(error);
}

json::object to_json(const kept_login& from) {
    json::object object;
    json::array portals;
    for (const auto& portal : from.portals)
        portals.emplace_back(admin::to_json(portal));
    object["portals"] = std::move(portals);
    object["leading"] = from.is_leading;
    object["automatic"] = from.is_automatic;
    object["since"] = from.since.count();
    return object;
}

// Throws boost::system::system_error for what is not as it was written.
kept_login login_in(const json::value& from) {
    kept_login login;
    const json::object& object = from.as_object();
    for (const auto& each : object.at("portals").as_array())
        login.portals.push_back(admin::from_json<admin::node_id>(each.as_object()).value());
    login.is_leading = object.at("leading").as_bool();
    login.is_automatic = object.at("automatic").as_bool();
    login.since = std::chrono::seconds(object.at("since").as_int64());
    return login;
}

std::vector<kept_login> logins_in(const std::string& text, const std::string& boot_id) {
    std::vector<kept_login> logins;
    const json::value all = json::parse(text);
    if (all.as_object().at("boot").as_string() != boot_id)
        return logins;
    for (const auto& each : all.as_object().at("logins").as_array())
        logins.push_back(login_in(each));
    return logins;
}

} // namespace

std::chrono::seconds seconds_since_boot() {
    timespec now{};
    ::clock_gettime(CLOCK_BOOTTIME, &now);
    return std::chrono::seconds(now.tv_sec);
}

const char* category_name(kept_logins_errc /*unused*/) {
    return "kept logins";
}

std::string_view message_of(kept_logins_errc code) {
    switch (code) {
    case kept_logins_errc::unreadable:
        return "cannot be read";
    case kept_logins_errc::malformed:
        return "is not as it was written";
    case kept_logins_errc::not_written:
        return "cannot be written";
    }
    return "unknown error";
}

iscsi::result<std::vector<kept_login>>
load_kept_logins(const fs::path& file, const std::string& boot_id) {
    const auto read = os::read_file(file, longest_file);
    if (read.error == ENOENT)
        return std::vector<kept_login>();
    if (read.error != 0 || !read.is_regular)
        return failed(
            kept_logins_errc::unreadable,
            file,
            read.error != 0 ? words_of(read.error) : "not a regular file"
        );
    try {
        return logins_in(read.text, boot_id);
    } catch (const std::exception& error) {
        return failed(kept_logins_errc::malformed, file, error.what());
    }
}

iscsi::result<void> store_kept_logins(
    const fs::path& file, const std::string& boot_id, const std::vector<kept_login>& logins
) {
    if (logins.empty()) {
        std::error_code error;
        fs::remove(file, error);
        if (error)
            return failed(kept_logins_errc::not_written, file, error.message());
        return boost::system::in_place_value;
    }
    json::object all;
    all["boot"] = boot_id;
    json::array list;
    for (const auto& each : logins)
        list.emplace_back(to_json(each));
    all["logins"] = std::move(list);
    if (const int error = os::replace_file(file, json::serialize(all)); error != 0)
        return failed(kept_logins_errc::not_written, file, words_of(error));
    return boost::system::in_place_value;
}

} // namespace iscsid::session
