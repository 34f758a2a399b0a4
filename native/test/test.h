// A test runner of a few lines. A test is a function; what it expects and does not find is printed as TAP.
#pragma once

#include <sstream>
#include <string>

namespace ktls::test {

struct Registration {
  Registration(const char* name, void (*run)());
};

// Of the test that is running.
void Fail(const char* file, int line, const std::string& message);
void Skip(const std::string& reason);
// Something that a reader may want to know of a test that passes as well.
void Note(const std::string& text);
// Likewise, unless KTLS_PIPE_EXPECTED=1 says that nothing is missing here: then the test fails.
void SkipUnlessExpected(const std::string& reason);

int RunTests(int count, char** name_parts);

template <typename T>
std::string Show(const T& value) {
  std::ostringstream text;
  if constexpr (std::is_enum_v<T>) {
    text << static_cast<long>(value);
  } else {
    text << +value;
  }
  return text.str();
}
inline std::string Show(const std::string& value) { return '"' + value + '"'; }
inline std::string Show(bool value) { return value ? "true" : "false"; }

template <typename A, typename B>
bool ExpectEqual(const char* file, int line, const char* expression, const A& found, const B& wanted) {
  if (found == wanted) return true;
  Fail(file, line, std::string(expression) + " is " + Show(found) + ", not " + Show(wanted));
  return false;
}

inline bool Expect(const char* file, int line, const char* expression, bool holds) {
  if (!holds) Fail(file, line, std::string("not true: ") + expression);
  return holds;
}

}  // namespace ktls::test

#define TEST(function, name)                                                       \
  static void function();                                                          \
  static const ::ktls::test::Registration registration_##function(name, function); \
  static void function()

#define EXPECT(condition) ::ktls::test::Expect(__FILE__, __LINE__, #condition, (condition))
#define EXPECT_EQ(found, wanted) ::ktls::test::ExpectEqual(__FILE__, __LINE__, #found, (found), (wanted))
// Ends the test if it does not hold.
#define REQUIRE(condition)          \
  do {                              \
    if (!EXPECT(condition)) return; \
  } while (false)
