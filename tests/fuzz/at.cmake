espat_fuzz(lexer_fuzz lexer_fuzz.cpp LIBRARIES espat_at CORPUS ${CMAKE_CURRENT_SOURCE_DIR}/corpus/lexer)
